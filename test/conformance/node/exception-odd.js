console.log(new Error('x').stack, Error.stackTraceLimit)
throw { not: 'an error' }

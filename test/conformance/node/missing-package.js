import('no-such-package').catch((error) => console.log(error.code, error.message))
process.on('exit', () => require('also-not-there'))

setTimeout(() => setImmediate(() => process.nextTick(() => { throw new RangeError('late') })), 1)
process.on('exit', (code) => console.log('exit', code))

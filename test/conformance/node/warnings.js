process.on('warning', ({ name, message, code }) => console.log(name, message, code))
process.emitWarning('careful', { code: 'MY_CODE', detail: 'some detail' })
new Buffer(1)
new (require('events'))().setMaxListeners(1).on('a', () => {}).on('a', () => {})

// Which of the two comes first is chance in a main module, and certain behind something that was read.
require('fs').stat('.', () => {
  setTimeout(() => console.log('timeout'), 0)
  setImmediate(() => console.log('immediate'))
})
process.nextTick(() => console.log('tick'))
Promise.resolve().then(() => console.log('promise'))
queueMicrotask(() => console.log('microtask'))
setTimeout(() => console.log('later'), 300)
console.log('main')

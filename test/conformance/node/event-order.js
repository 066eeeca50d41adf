// Which of the two comes first is chance in a main module, and certain behind something that was read.
require('fs').stat('.', () => {
  setTimeout(() => console.log('timeout'), 0)
  setImmediate(() => {
    console.log('immediate')
    // Behind the first: a slow host may let any fixed time pass before a file is read.
    setTimeout(() => console.log('later'), 0)
  })
})
process.nextTick(() => console.log('tick'))
Promise.resolve().then(() => console.log('promise'))
queueMicrotask(() => console.log('microtask'))
console.log('main')

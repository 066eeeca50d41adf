const { executionAsyncId, AsyncResource } = require('async_hooks')
console.log(executionAsyncId(), typeof new AsyncResource('x').asyncId())
setTimeout(function () { console.log(this.hasRef(), typeof this[Symbol.toPrimitive]()) }, 1)

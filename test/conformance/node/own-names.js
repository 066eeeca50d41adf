const { performance, PerformanceObserver } = require('perf_hooks')
console.log(Object.getOwnPropertyNames(Object.getPrototypeOf(performance)).sort(), performance instanceof EventTarget)
console.log(performance.now.name, performance.now.length, process.uptime.name, process.uptime.length, performance.mark.name, performance.measure.length)
console.log(Object.keys(performance.toJSON()), typeof PerformanceObserver, performance.eventLoopUtilization !== undefined)
try { performance.now.call({}) } catch (error) { console.log(error.code, error.message) }

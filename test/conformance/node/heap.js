const v8 = require('v8')
console.log(v8.getHeapStatistics().heap_size_limit, process.memoryUsage().rss > 0, process.constrainedMemory() > 0, process.resourceUsage().swappedOut)
console.log(typeof gc, Error.stackTraceLimit, require('buffer').poolSize, Buffer.poolSize, require('events').defaultMaxListeners)

const { Worker, isMainThread, parentPort } = require('worker_threads')
const times = () => [performance.timeOrigin, performance.now(), process.uptime() * 1000]
if (isMainThread || process.argv[2] === 'outer') {
  const before = times()
  new Worker(__filename, { argv: [isMainThread ? 'outer' : 'inner'] }).on('message', (within) => {
    if (!isMainThread) return parentPort.postMessage(within)
    const after = times()
    console.log('begun', within[0] === before[0], Math.abs(within[0] - Date.now()) < 60_000)
    console.log('in order', before[1] < within[1], within[1] < after[1], before[2] < within[2], within[2] < after[2])
    console.log(Math.abs(within[0] + within[1] - Date.now()) < 30_000)
  })
} else {
  parentPort.postMessage(times())
}

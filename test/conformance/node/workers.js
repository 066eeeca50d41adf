const { Worker, isMainThread, parentPort, workerData, threadId, SHARE_ENV } = require('worker_threads')
if (isMainThread) {
  const start = (more) => new Promise((resolve) => new Worker(__filename, { workerData: 'given', ...more }).on('message', (told) => console.log(told)).on('error', (error) => console.log(error.stack)).on('exit', (code) => resolve(console.log('exit', code))))
  start({}).then(() => start({ env: SHARE_ENV })).then(() => start({ env: { ONLY: '1' }, argv: ['x'], workerData: 'fail' }))
} else {
  if (workerData === 'fail') throw new Error('in a worker')
  parentPort.postMessage([workerData, threadId, process.argv.length, process.execArgv, Object.keys(process.env).filter((name) => /NODE_|WAIT/.test(name)), Object.keys(require.cache), module.children.length, Object.keys(require('module')._pathCache), require('module')._preloadModules.length])
}

const { Worker } = require('worker_threads')
new Worker('console.log(performance.now() < 60000, Math.random() < 1, Object.keys(require.cache))', { eval: true }).on('exit', (code) => console.log('exit', code))

const { execFileSync, fork, spawn, spawnSync } = require('child_process')
if (process.argv[2] === 'child') {
  process.send({ argv: process.argv.slice(2), execArgv: process.execArgv, options: process.env.NODE_OPTIONS, wait: process.env.VULCAN_WAIT, cache: Object.keys(require.cache) })
  process.disconnect()
} else {
  console.log(execFileSync(process.execPath, ['-p', '[process.argv.length, process.execArgv, process.env.NODE_OPTIONS, process.env.VULCAN_WAIT]'], { encoding: 'utf8' }))
  console.log({ ...spawnSync('sh', ['-c', 'ls /proc/self/fd; exit 4'], { encoding: 'utf8' }), pid: 0 })
  fork(__filename, ['child']).on('message', (told) => console.log(told)).on('exit', (code, signal) => {
    console.log(code, signal)
    spawn('cat', { stdio: ['pipe', 'inherit', 'inherit'] }).stdin.end('through a pipe\n')
  })
}

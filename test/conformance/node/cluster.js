const cluster = require('cluster')
if (cluster.isPrimary) {
  cluster.fork({ ROLE: 'one' }).on('exit', (code) => console.log('worker ended', code, cluster.settings.execArgv, cluster.settings.exec.split('/').pop()))
} else {
  console.log(process.env.ROLE, process.argv.length, process.execArgv, process.env.NODE_OPTIONS)
  process.exit(3)
}

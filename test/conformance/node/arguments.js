console.log(process.argv, process.execArgv, process.argv0, process.execPath, process.title)
console.log(require('fs').readFileSync('/proc/self/cmdline', 'utf8'), require('fs').readFileSync('/proc/self/comm', 'utf8'))

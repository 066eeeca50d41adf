// gets: {"stdin": "for the child\n"}
const { spawnSync } = require('child_process')
console.log(spawnSync('cat', { stdio: 'inherit' }).status, spawnSync('sh', ['-c', 'ls /proc/self/fd'], { stdio: [0, 'pipe', 2], encoding: 'utf8' }).stdout)

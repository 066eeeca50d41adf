// gets: {"env": {"FOO": "bar", "UMLAUT": "äöü ☃", "EMPTY": "", "A": "a=b\nc"}}
const { execFileSync } = require('child_process')
const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VULCAN_R'))
console.log(own, Object.keys(process.env), 'NODE_OPTIONS' in process.env, process.env.NODE_OPTIONS, 'VULCAN_WAIT' in process.env)
console.log(execFileSync('env', { encoding: 'utf8' }).replace(/VULCAN_RESULT=.*/, ''))
process.env.NEW = 1
delete process.env.FOO
console.log(execFileSync('sh', ['-c', 'echo $NEW $FOO'], { encoding: 'utf8' }), typeof process.env.NEW)

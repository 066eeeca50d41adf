const fs = require('fs')
const kinds = () => fs.readdirSync('/proc/self/fd').map(Number).sort((a, b) => a - b).map((fd) => {
  try { return [fd, fs.readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, 'N')] } catch { return [fd, 'gone'] }
})
console.log(kinds())
console.log(fs.openSync('/dev/null'), fs.openSync('/dev/null'))
for (const fd of [62, 63]) try { fs.fstatSync(fd) } catch (error) { console.log(fd, error.code) }

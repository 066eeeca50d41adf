const fs = require('fs')
for (const stream of [process.stdout, process.stderr]) {
  console.log(stream.constructor.name, stream.fd, stream.isTTY, stream.writable, stream.writableHighWaterMark, stream.columns)
  console.log(fs.fstatSync(stream.fd).isFIFO(), fs.fstatSync(stream.fd).uid, fs.readFileSync(`/proc/self/fdinfo/${stream.fd}`, 'utf8').split('mnt_id')[0])
}
console.log(process.stdout._type, process.stdout._isStdio, process.stdout.destroySoon === process.stdout.destroy, process.stdout.listenerCount('error'))

// gets: {"stdin": "first line\nzweite Zeile äöü\nlast without end"}
const fs = require('fs')
console.log(fs.readlinkSync('/proc/self/fd/0').slice(0, 5), fs.fstatSync(0).isFIFO(), fs.fstatSync(0).uid, process.stdin.constructor.name)
const lines = require('readline').createInterface({ input: process.stdin })
lines.on('line', (line) => console.log('line', line)).on('close', () => console.log('closed'))

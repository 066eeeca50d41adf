process.on('SIGTERM', (name, number) => { console.log('caught', name, number); process.exit(9) })
setTimeout(() => {}, 10_000)
process.kill(process.pid, 'SIGTERM')

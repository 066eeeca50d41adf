process.on('uncaughtException', (error, origin) => {
  console.log('handler', error.message, origin)
  process.exit(6)
})
setTimeout(() => nothing.here, 1)

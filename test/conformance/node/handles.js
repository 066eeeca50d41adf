console.log(process._getActiveHandles().length, process._getActiveRequests().length, process.getActiveResourcesInfo())
require('net').createServer().listen(0, '127.0.0.1', function () {
  console.log(process.getActiveResourcesInfo())
  this.close(() => console.log('closed'))
})
for (const name of process.eventNames().sort()) console.log(name, process.listenerCount(name))

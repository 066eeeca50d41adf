process.on('unhandledRejection', (reason) => console.log('unhandled', reason))
process.on('rejectionHandled', () => console.log('handled'))
const late = Promise.reject(7)
setTimeout(() => late.catch(() => {}), 5)

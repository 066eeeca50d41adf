/** Loaded before a measured program: tells over IPC what memory it holds once garbage is collected. */
process.on('message', (message) => {
  if (message !== 'memory') return
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ rss, heapUsed })
})
// It does not outlive whoever measures it.
process.once('disconnect', () => process.exit(1))
// The program ends when it would without us.
process.channel?.unref()

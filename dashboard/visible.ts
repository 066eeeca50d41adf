/** Whether somebody can see the tab. */

/** Begins each time that the tab comes into sight, with a signal that is aborted when it goes; until the signal. */
export function whileVisible(begin: (signal: AbortSignal) => void, signal: AbortSignal): void {
  let sight: AbortController | undefined
  const look = () => {
    if (document.visibilityState === 'visible' && !signal.aborted) {
      if (sight) return
      sight = new AbortController()
      begin(sight.signal)
    } else {
      sight?.abort(new Error('nobody sees the tab'))
      sight = undefined
    }
  }
  document.addEventListener('visibilitychange', look, { signal })
  signal.addEventListener('abort', look, { once: true })
  look()
}

/** The time, for what grows while somebody looks at it. */
import { useEffect, useState } from 'react'

/** Milliseconds of the epoch, a second at a time; stands still when `runs` is false. */
export function useNow(runs = true): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!runs) return undefined
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [runs])
  return now
}

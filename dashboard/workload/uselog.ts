/** The log of the workload whose page is open, over as many connections as it takes, for as long as the page is in sight. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import { client, queries, recordQuery } from '../api.ts'
import { whileVisible } from '../visible.ts'
import { FollowedLog, type LogState } from './follow.ts'

const logOf = (id: string): FollowedLog =>
  new FollowedLog({
    events: (after, signal) => client.logs(id, { after, signal }),
    onChange: () => void queries.invalidateQueries({ queryKey: recordQuery(id).queryKey }),
  })

/** A page for another workload must be another component (`key`). */
export function useLog(id: string): { log: FollowedLog; state: LogState } {
  const [log, setLog] = useState(() => logOf(id))
  useEffect(() => {
    const stop = new AbortController()
    // A second effect on the same log would take everything twice.
    const fresh = logOf(id)
    setLog(fresh)
    whileVisible((signal) => void fresh.follow(signal), stop.signal)
    return () => stop.abort(new Error('the page was left'))
  }, [id])
  return { log, state: useSyncExternalStore(log.subscribe, () => log.state) }
}

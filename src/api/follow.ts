/** A workload's log over as many connections as it takes, up to its end. */
import { VulcanError } from './errors.ts'
import type { Patience } from './patience.ts'
import type { LogEvent } from './sse.ts'
import { hasEnded, type WorkloadSummary } from './workload.ts'

export interface LogSource {
  readonly id: string
  /** The events of one connection, behind that one. */
  readonly stream: (after: number) => AsyncIterable<LogEvent>
  readonly get: () => Promise<WorkloadSummary>
  readonly patience: Patience
}

/** Without `follow` a log that has no end yet ends with the newest event. */
export async function* followLog(
  { id, stream, get, patience }: LogSource,
  o: { after: number; follow: boolean },
): AsyncGenerator<LogEvent> {
  let { after } = o
  let ended: LogEvent | undefined
  for (;;) {
    let broken: unknown = new VulcanError('server_unreachable', `the log of ${id} broke off without an end`)
    try {
      const before = after
      for await (const event of stream(after)) {
        patience.renew()
        after = event.id
        yield event
        if (event.event === 'end') return
      }
      if (!o.follow) return
      // A power cut can take what we have seen, and the end then has an id of that: it is taken from us for one that saw it.
      if (after === before && ended) return yield ended
      ended = endOf(await get(), after + 1)
      if (ended) continue
    } catch (error) {
      broken = error
    }
    await patience.wait(broken)
  }
}

/** What a log says last of a workload that has ended. */
function endOf({ status, exit }: WorkloadSummary, id: number): LogEvent | undefined {
  return hasEnded(status) ? { id, event: 'end', data: { status, ...(exit && { exit }) } } : undefined
}

/** Workloads that wait, as far as somebody waits for one or reads its log: they have nothing else in memory. */
import type { WorkloadSummary } from '../api/workload.ts'
import { endEvent, firstEvent } from './events.ts'
import { EventLog } from './eventlog.ts'

interface Waited {
  readonly log: EventLog
  readonly ended: PromiseWithResolvers<void>
}

export class Waiting {
  readonly #waited = new Map<string, Waited>()
  readonly #logPath: (id: string) => string

  constructor(logPath: (id: string) => string) {
    this.#logPath = logPath
  }

  /** The log that readers of a workload share with whoever runs it. */
  logOf(id: string): EventLog {
    return this.#of(id).log
  }

  /** Resolves when the workload has ended or nobody here will tell. */
  endOf(id: string): Promise<void> {
    return this.#of(id).ended.promise
  }

  /** Tells readers and waiters of a workload that never ran that it has ended. */
  async end(summary: WorkloadSummary): Promise<void> {
    const waited = this.#waited.get(summary.id)
    this.settle(summary.id)
    await waited?.log.end(endEvent(summary))
  }

  /** Forgets one; whoever waits for it waits no more. */
  settle(id: string): void {
    this.#waited.get(id)?.ended.resolve()
    this.#waited.delete(id)
  }

  settleAll(): void {
    for (const id of this.#waited.keys()) this.settle(id)
  }

  #of(id: string): Waited {
    const found = this.#waited.get(id)
    if (found) return found
    const fresh = { log: EventLog.waiting(this.#logPath(id), firstEvent), ended: Promise.withResolvers<void>() }
    this.#waited.set(id, fresh)
    return fresh
  }
}

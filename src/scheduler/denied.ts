/** What a run's network refused, on its way to the log and to the record. */
import { hintOf, type Denied, type NetworkRecord } from '../api/denial.ts'
import { denialKey, type Denial, type Denials } from '../backend/denial.ts'
import type { EventLog } from './eventlog.ts'
import type { Event } from './entries.ts'

/** Writes each destination to the log once, whoever had told it before. */
export class DeniedLog {
  readonly #log: EventLog
  readonly #told = new Set<string>()

  constructor(log: EventLog) {
    this.#log = log
  }

  /** Takes what an earlier process had put into the log. */
  restore({ kind, data }: Event): void {
    if (kind === 'denied') this.#told.add(denialKey(JSON.parse(data.toString('utf8')) as Denied))
  }

  /** Resolves when no more come. */
  async follow(denied: AsyncIterable<Denial>): Promise<void> {
    for await (const denial of denied) {
      const key = denialKey(denial)
      if (this.#told.has(key)) continue
      this.#told.add(key)
      await this.#log.append({ kind: 'denied', data: Buffer.from(JSON.stringify(deniedOf(denial))) })
    }
  }
}

function deniedOf({ host, address, port, protocol, rule, firstAt }: Denial): Denied {
  const name = { ...(host !== undefined && { host }), ...(address !== undefined && { address }) }
  const target = { ...name, ...(port !== undefined && { port }), protocol, rule }
  return { ...target, first_at: new Date(firstAt).toISOString(), hint: hintOf(target) }
}

export function networkRecordOf({ known, others }: Denials): NetworkRecord {
  return {
    denied: known.map((denial) => ({ ...deniedOf(denial), count: denial.count })),
    denied_others: others,
  }
}

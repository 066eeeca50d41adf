/** The events of a log that are not output. Pure. */
import type { ExitRecord, Status } from '../api/workload.ts'
import type { Event } from './entries.ts'

export function statusEvent(status: Status): Event {
  return { kind: 'status', data: Buffer.from(JSON.stringify({ status })) }
}

export function endEvent({ status, exit }: { status: Status; exit?: ExitRecord | undefined }): Event {
  return { kind: 'end', data: Buffer.from(JSON.stringify({ status, ...(exit && { exit }) })) }
}

/** Every log begins with this. */
export const firstEvent = statusEvent('pending')
export const firstEventId = 1

/** What comes before any output: a second event where the program ran, or may have. */
export function earlyEvents(ran: boolean): readonly Event[] {
  return ran ? [firstEvent, statusEvent('running')] : [firstEvent]
}

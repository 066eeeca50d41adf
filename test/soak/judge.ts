/** Whether a workload of a soak ended as its kind does: once, having begun once, with all that it had to say. Pure. */
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { begun, type Kind } from './mix.ts'

export interface Life {
  readonly kind: Kind
  /** How many ends its log told. */
  readonly ends: number
  /** The server was ended, or away, while it lived: what was only starting is lost then, and that is a true end. */
  readonly met: boolean
}

/** What is wrong with it, in words; undefined where nothing is. */
export function faultOf(record: WorkloadRecord, { kind, ends, met }: Life): string | undefined {
  const by = record.exit?.by
  if (ends !== 1) return `its log had ${ends} ends`
  const times = record.stdout.split('\n').filter((line) => line === begun).length
  if (times > 1) return `it began ${times} times`
  if (by === 'vm_lost' && met) return undefined
  if (by !== kind.by) return `it ended by ${by}, not by ${kind.by}: ${record.exit?.message}`
  if (times === 0) return 'it never began'
  return kind.lacks?.(record)
}

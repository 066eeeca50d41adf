/** Exit statuses of the command line. Pure. */
import { constants } from 'node:os'
import { errorTable, VulcanError } from '../api/errors.ts'
import type { ExitRecord } from '../api/workload.ts'
import { UsageError } from './context.ts'
import { inFlags } from './flags.ts'
import { messageOf } from '../base/words.ts'

export const exits = {
  usage: 2,
  timeout: 124,
  vulcan: 125,
  interrupted: 130,
  killed: 137,
  /** Who reads our output has gone (128 + SIGPIPE). */
  outputClosed: 141,
  /** Of a server that was told to terminate (128 + SIGTERM): its runs go on and wait for the next one. */
  handedOver: 143,
} as const

/** The program's own status where it has one, else what stands for how it was ended. */
export function exitStatusOf(exit: ExitRecord | undefined): number {
  switch (exit?.by) {
    case 'program':
      return ownStatus(exit)
    case 'disk_full':
      return ownStatus(exit) || 1
    case 'timeout':
      return exits.timeout
    case 'killed':
    case 'oom':
    case 'output_limit':
      return exits.killed
    case 'vm_lost':
    case 'start_failed':
    case undefined:
      return exits.vulcan
  }
}

/** Shells tell a signal as 128 and its number. */
function ownStatus({ code, signal }: ExitRecord): number {
  if (code !== undefined) return code
  const numbers: Readonly<Record<string, number>> = constants.signals
  return signal === undefined ? 1 : 128 + (numbers[signal] ?? 0)
}

/** Whose fault an error is decides: the caller's is wrong usage. */
export function statusOfError(error: unknown): number {
  if (error instanceof UsageError) return exits.usage
  return error instanceof VulcanError && errorTable[error.code].fault === 'caller' ? exits.usage : exits.vulcan
}

/** An error in words for a person: what, where, and what to do about it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof VulcanError)) return messageOf(error)
  const step = error.step ? ` (step ${error.step})` : ''
  const words = error.field === undefined ? error.message : inFlags(error.message)
  return `${error.code}: ${words}${step}${error.hint ? `\n  ${error.hint.replaceAll('\n', '\n  ')}` : ''}`
}

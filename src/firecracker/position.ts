/** Where in its run a program is, just started or taken up again: which it is, its time, its input. Pure. */
import type { KillReason, RunSpec, Seen } from '../backend/backend.ts'
import type { Attached } from './said.ts'

export interface Position {
  readonly tag: 'build' | 'program'
  /** Milliseconds that it had run by then, in the guest's words. */
  readonly ranMs: number
  /** Milliseconds after which it is killed. */
  readonly leftMs: number
  /** It has ended: only its last words are still to come, and when the time is over its vm is lost. */
  readonly ended?: true
  /** Standard input that is still to be sent, with its end. */
  readonly stdin?: Uint8Array
}

/** What is known of a run that an earlier server had started. */
export interface TakenUp {
  readonly seen: Seen
  /** Milliseconds since it was told to run. */
  readonly sinceStartMs: number
  /** What that server was killing it for. */
  readonly killed?: KillReason | undefined
}

/** For a build step (Go's compiler), in milliseconds; an empty cache costs minutes under emulation. */
export const buildDeadlineMs = 300_000

/** For the rest of the words of a program that has ended, in milliseconds; a guest may say so and never come to the end. */
const lastWordsMs = 120_000

/** A program that was just started. */
export function beginning(spec: RunSpec, tag: Position['tag']): Position {
  if (tag === 'build') return { tag, ranMs: 0, leftMs: buildDeadlineMs }
  return { tag, ranMs: 0, leftMs: spec.resources.timeoutMs, ...(spec.stdin && { stdin: spec.stdin }) }
}

export interface Resumed {
  readonly spec: RunSpec
  /** Whether the runtime has a build step: the time of the program does not begin with the run then. */
  readonly builds: boolean
  readonly attached: Attached
  /** Milliseconds since the run was told to run, as the host has it. */
  readonly sinceStartMs: number
}

/** A program that went on without us. */
export function going({ spec, builds, attached, sinceStartMs }: Resumed): Position {
  const { tag, ended, stdin_bytes: taken, stdin_ended: inputEnded } = attached
  const ranMs = attached.wall_us / 1000
  if (ended) return { tag, ranMs, leftMs: lastWordsMs, ended }
  const spentMs = builds ? ranMs : Math.max(ranMs, sinceStartMs)
  const wholeMs = tag === 'build' ? buildDeadlineMs : spec.resources.timeoutMs
  const stdin = tag === 'program' && !inputEnded ? spec.stdin?.subarray(taken) : undefined
  return { tag, ranMs, leftMs: Math.max(0, wholeMs - spentMs), ...(stdin && { stdin }) }
}

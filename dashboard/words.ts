/** What became of a workload, in words, and what to do about it. Pure. */
import type { KeptRequest } from '../src/api/request.ts'
import type { ExitRecord, WorkloadRequest, WorkloadSummary } from '../src/api/workload.ts'
import { duration } from './format.ts'

export interface Story {
  readonly title: string
  /** What can be done, or what it means. */
  readonly advice?: string
}

/** `asked`: what was asked for, where that is known. */
export function storyOf(summary: Pick<WorkloadSummary, 'status' | 'exit' | 'place'>, asked: Asked = {}): Story {
  const { status, exit, place } = summary
  if (status === 'pending') {
    return { title: place === undefined ? 'Waiting for a microVM' : `Waiting: number ${place} in the queue` }
  }
  if (status === 'running') return { title: 'Running' }
  return exit ? ended(exit, asked) : { title: status }
}

export interface Asked {
  readonly memMb?: number | undefined
  readonly timeoutS?: number | undefined
  readonly diskMb?: number | undefined
}

/** Bounds that were asked for: memory as the record has it, the rest where what was asked for is at hand. */
export function askedFor({ resources }: Pick<WorkloadSummary, 'resources'>, kept?: KeptRequest): Asked {
  const asked = kept?.request.resources
  return { memMb: resources?.mem_mb, timeoutS: asked?.timeout_s, diskMb: asked?.disk_mb }
}

function ended(exit: ExitRecord, { memMb, timeoutS, diskMb }: Asked): Story {
  const at = (value: number | undefined, unit: string, before: string) =>
    value === undefined ? '' : ` ${before} ${value} ${unit}`
  switch (exit.by) {
    case 'program':
      return ofProgram(exit)
    case 'timeout':
      return { title: `Stopped: it took too long${at(timeoutS, 's', 'for')}`, advice: 'Give it more time: timeout_s.' }
    case 'killed':
      return { title: 'Killed because somebody asked' }
    case 'oom':
      return {
        title: `Killed: out of memory${at(memMb, 'MB', 'at')}`,
        advice: 'Raise mem_mb, or have the program take less at once.',
      }
    case 'disk_full':
      return { title: `Stopped: its disk was full${at(diskMb, 'MB', 'at')}`, advice: 'Raise disk_mb.' }
    case 'output_limit':
      return { title: 'Killed: it wrote more than this server keeps', advice: 'Write less, or to a file.' }
    case 'vm_lost':
      return {
        title: 'The microVM was lost',
        advice: 'How the program ended is not known, and what it wrote may be cut. Run it again.',
      }
    case 'start_failed':
      return {
        title: `The microVM could not be started${exit.step ? `: ${exit.step} failed` : ''}`,
        advice: 'The program did not run. This is not its fault; vulcan doctor on the host says more.',
      }
  }
}

function ofProgram({ code, signal }: ExitRecord): Story {
  if (code === 0) return { title: 'Completed' }
  if (signal !== undefined) {
    const about = signals[signal]
    return { title: `The program was ended by ${signal}`, ...(about !== undefined && { advice: about }) }
  }
  return { title: `The program failed with exit code ${code ?? '?'}`, advice: 'Its stderr usually says why.' }
}

const signals: Readonly<Record<string, string>> = {
  SIGSEGV: 'It touched memory that is not its own.',
  SIGABRT: 'It gave up by itself.',
  SIGFPE: 'It divided by zero, or the like.',
  SIGILL: 'It met an instruction that this processor does not have.',
  SIGSYS: 'It made a system call that is not allowed.',
}

/** How long a workload has gone on, or took, from its acceptance; milliseconds. */
export function lastedMs({ created_at: from, finished_at: to }: WorkloadSummary, now: number): number {
  return Math.max(0, (to === undefined ? now : Date.parse(to)) - Date.parse(from))
}

export const lasted = (summary: WorkloadSummary, now: number): string => duration(lastedMs(summary, now))

/** A network mode, with what alone may be reached. */
export function networkWords(network: WorkloadRequest['network']): string {
  const { mode = 'internet', allow = [] } = typeof network === 'string' ? { mode: network } : (network ?? {})
  return allow.length > 0 ? `${mode}, only ${allow.join(', ')}` : mode
}

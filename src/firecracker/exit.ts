/** How a program ended, from what the guest reports and what we did to it: a pure function. */
import type { Exit, KillReason, Resources, Usage } from '../backend/backend.ts'
import type { Ended } from './said.ts'

export interface Told {
  readonly ended: Ended
  /** What we killed it for, if we did: the first cause is the cause. */
  readonly killed: KillReason | undefined
  readonly resources: Resources
  /** Bytes of the result file, where the guest sent one. */
  readonly result: Uint8Array | undefined
}

export function exitOf(told: Told): Exit {
  return { ...causeOf(told), ...resultOf(told), usage: usageOf(told.ended) }
}

function causeOf({ ended, killed, resources }: Told): Exit {
  if (killed) return { by: killed, message: wordsOf(killed, resources), ...how(ended) }
  if (ended.oom) {
    return { by: 'oom', message: `killed: out of memory at ${resources.memMib} MB; raise mem_mb`, ...how(ended) }
  }
  if (ended.disk_full && ended.code !== 0) {
    return { by: 'disk_full', message: `the disk was full at ${resources.diskMib} MB; raise disk_mb`, ...how(ended) }
  }
  return { by: 'program', ...how(ended) }
}

function how(ended: Ended): { code?: number; signal?: string } {
  return {
    ...(ended.code === null ? {} : { code: ended.code }),
    ...(ended.signal === null ? {} : { signal: ended.signal }),
  }
}

/** Words for the user about a run that we ended. */
export function wordsOf(reason: KillReason, resources: Resources): string {
  switch (reason) {
    case 'timeout':
      return `killed: still running after ${resources.timeoutMs / 1000} s; raise timeout_s`
    case 'output_limit':
      return 'killed: it wrote more output than is kept'
    case 'killed':
      return 'killed on request'
  }
}

/** The end of a run that we ended and whose guest did not say so. */
export function unanswered(reason: KillReason, resources: Resources): Exit {
  return { by: reason, message: `${wordsOf(reason, resources)}. Its microVM did not answer, and was ended` }
}

/** The end of a run whose vm is gone; `said`: Firecracker's last words, of which the last lines are told. */
export function lost(why: string, said: string): Exit {
  const words = said.split('\n').slice(-5).join('\n')
  return { by: 'vm_lost', message: `the microVM was lost: ${why}${words ? `\n${words}` : ''}` }
}

function resultOf({ ended, result }: Told): { result?: string; resultError?: string } {
  switch (ended.result) {
    case 'none':
      return {}
    case 'too_large':
      return { resultError: 'the result file is larger than 1 MiB' }
    case 'unreadable':
      return { resultError: 'the result file could not be read' }
    case 'sent':
      return jsonOf(result ?? new Uint8Array())
  }
}

function jsonOf(bytes: Uint8Array): { result: string } | { resultError: string } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    JSON.parse(text)
    return { result: text }
  } catch (error) {
    return { resultError: `the result file is not JSON: ${(error as Error).message}` }
  }
}

/** A difference of two counts may be below 0, and would then take something off what a build is charged. */
const atLeast0 = (count: number): number => Math.max(0, count)

function usageOf({ usage }: Ended): Usage {
  return {
    cpuMs: atLeast0(usage.cpu_us) / 1000,
    peakMemMib: atLeast0(usage.peak_mem_bytes) / (1 << 20),
    throttledMs: atLeast0(usage.throttled_us) / 1000,
    diskWrittenBytes: atLeast0(usage.disk_written_bytes),
    netRxBytes: atLeast0(usage.net_rx_bytes),
    netTxBytes: atLeast0(usage.net_tx_bytes),
  }
}

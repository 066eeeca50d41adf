/** The phases of a run as bars in proportion to the time they took. Pure. */
import type { RunRecord } from '../../src/api/workload.ts'

export interface Bar {
  readonly name: string
  readonly ms: number
  /** Share of the whole before it, 0 to 1. */
  readonly from: number
  /** Its share of the whole, 0 to 1. */
  readonly share: number
  /** True for a part of another phase. */
  readonly inner: boolean
}

export interface Timeline {
  readonly totalMs: number
  readonly bars: readonly Bar[]
}

/** These lie within the phase vm, and some of them side by side. */
const partsOfVm: ReadonlySet<string> = new Set(['network', 'jail', 'jailer', 'configure', 'boot', 'load', 'wake'])

/** In the order in which they began. Without beginnings, one behind the other as they are told. */
export function timelineOf({
  phases_ms: ms,
  phases_at_ms: at,
}: Pick<RunRecord, 'phases_ms' | 'phases_at_ms'>): Timeline {
  let next = 0
  const phases = Object.entries(ms).map(([name, took]) => {
    const inner = partsOfVm.has(name)
    const begun = at?.[name] ?? next
    if (!inner) next = begun + took
    return { name, ms: took, begun, inner }
  })
  const totalMs = Math.max(0, ...phases.map(({ begun, ms }) => begun + ms))
  const part = (value: number) => (totalMs === 0 ? 0 : value / totalMs)
  return {
    totalMs,
    bars: phases
      .sort((a, b) => a.begun - b.begun || Number(a.inner) - Number(b.inner))
      .map(({ name, ms, begun, inner }) => ({ name, ms, from: part(begun), share: part(ms), inner })),
  }
}

/** One sentence on each phase. */
export const aboutPhase: Readonly<Record<string, string>> = {
  queue: 'It waited for room on the host.',
  vm: 'It got a microVM of its own: made for it alone, or one that nobody had used and that waited.',
  network: 'A network namespace with a cable of its own was laid, behind the firewall.',
  jail: 'A folder was prepared with nothing in it but kernel, image and an empty disk.',
  jailer: 'Firecracker was started in that folder, with its own user, cgroup and system call filter.',
  configure: 'Firecracker was told of memory, processors, drives, network and vsock.',
  boot: 'The guest’s kernel booted, and its agent said that it is ready.',
  load: 'The memory of a vm that had booted before was mapped, for this run alone.',
  wake: 'The vm woke, was given addresses, clock and random numbers of its own, and its agent said that it is ready.',
  narrow: 'What it may reach was narrowed to its list.',
  greet: 'The agent was greeted: clock, entropy, host name, and one ping for the round trip.',
  upload: 'The program’s files went into the guest over vsock.',
  build: 'The program was compiled in the guest.',
  program: 'The program ran.',
  collect: 'Its last output, its result, the figures and what was refused were fetched.',
}

/** What a run went through, piece by piece, in the order it did. Only what its record says. Pure. */
import type { RunRecord, WorkloadSummary } from '../../src/api/workload.ts'
import { bytes, duration, roundTrip } from '../format.ts'

/** Where a piece is. */
export type Place = 'host' | 'boundary' | 'guest'

export interface Piece {
  readonly name: string
  readonly place: Place
  /** One sentence: what it is for. */
  readonly about: string
  /** What was measured of it in this run; empty where nothing was. */
  readonly measured: readonly string[]
}

interface Draft extends Omit<Piece, 'measured'> {
  /** Phases whose time belongs to it; without any of them in the record the piece is left out. */
  readonly phases: readonly string[]
  /** Left out of a run whose vm came about in another way. */
  readonly start?: RunRecord['start']
  readonly measured?: (summary: WorkloadSummary) => readonly string[]
}

const drafts: readonly Draft[] = [
  {
    name: 'Queue',
    place: 'host',
    about: 'The server wrote the workload down and kept it until there was room for another vm.',
    phases: ['queue'],
  },
  {
    name: 'Network',
    place: 'host',
    about: 'A network namespace was made, with a cable to the bridge of this host, behind a firewall of its own.',
    phases: ['network'],
    measured: ({ run }) =>
      run?.usage ? [`${bytes(run.usage.net_rx_bytes)} in`, `${bytes(run.usage.net_tx_bytes)} out`] : [],
  },
  {
    name: 'Jail',
    place: 'host',
    about: 'A folder was laid out that holds the kernel, the read-only image and an empty disk, and nothing else.',
    phases: ['jail'],
    measured: ({ run }) => (run?.usage ? [`${bytes(run.usage.disk_written_bytes)} written to the disk`] : []),
  },
  {
    name: 'Jailer',
    place: 'host',
    about:
      'The jailer locked Firecracker into that folder: a user id that no other vm has, a cgroup with the limits, a filter on system calls.',
    phases: ['jailer'],
    measured: ({ run }) => (run?.details ? [`user ${run.details.uid}`, run.details.cgroup] : []),
  },
  {
    name: 'Firecracker',
    place: 'boundary',
    about: 'The monitor was told of memory, processors and drives; it is all that stands between guest and host.',
    phases: ['configure'],
  },
  {
    name: 'Guest kernel',
    place: 'guest',
    about: 'A Linux of its own booted, shared with no other workload, up to the agent’s word that it is ready.',
    phases: ['boot', 'vm'],
    start: 'boot',
    measured: ({ run }) => (run ? [`ready after ${duration(run.boot_ms)}`] : []),
  },
  {
    name: 'Template',
    place: 'boundary',
    about:
      'The memory of a vm that had booted before, and that nobody had used, was mapped: what this one writes stays its own.',
    phases: ['load'],
    start: 'restore',
  },
  {
    name: 'Waking',
    place: 'guest',
    about: 'Its Linux went on from there, with addresses, clock and random numbers that no other clone has.',
    phases: ['wake'],
    start: 'restore',
    measured: ({ run }) => (run ? [`ready after ${duration(run.boot_ms)}`] : []),
  },
  {
    name: 'Pool',
    place: 'guest',
    about: 'A vm with a Linux of its own waited ready, made before it was asked for and used by nobody: it was taken.',
    phases: ['vm'],
    start: 'pool',
  },
  {
    name: 'vsock',
    place: 'boundary',
    about: 'Host and agent talk over this socket alone, which needs no network: greeting, files, output, result.',
    phases: ['greet', 'program'],
    measured: ({ run }) => (run ? [`${roundTrip(run.vsock.rtt_us)} there and back`, `now ${run.vsock.status}`] : []),
  },
  {
    name: 'Upload',
    place: 'guest',
    about: 'The files went over vsock as they are, and were unpacked inside, where a hostile archive harms nobody.',
    phases: ['upload'],
  },
  {
    name: 'Build',
    place: 'guest',
    about: 'The program was compiled in the same vm, under the same limits.',
    phases: ['build'],
  },
  {
    name: 'Program',
    place: 'guest',
    about:
      'It ran as an unprivileged user, in a cgroup smaller than the vm, so that a program that takes all kills only itself.',
    phases: ['program'],
    measured: ({ run }) =>
      run?.usage ? [`${duration(run.usage.cpu_ms)} of processor`, `${run.usage.peak_mem_mb} MiB at most`] : [],
  },
  {
    name: 'Collect',
    place: 'host',
    about: 'The result and the figures were fetched, and the vm was taken down with all that was made for it.',
    phases: ['collect'],
  },
]

/** The pieces of that run. A phase's own time comes first among what was measured. */
export function piecesOf(summary: WorkloadSummary): Piece[] {
  const { phases_ms: ms = {}, start: came } = summary.run ?? {}
  return drafts
    .filter(({ start = came, phases }) => start === came && phases.some((phase) => ms[phase] !== undefined))
    .map(({ name, place, about, phases: [phase = ''], measured }) => {
      const own = ms[phase]
      return {
        name,
        place,
        about,
        measured: [...(own === undefined ? [] : [duration(own)]), ...(measured?.(summary) ?? [])],
      }
    })
}

export const placeWords: Readonly<Record<Place, string>> = {
  host: 'on the host',
  boundary: 'at the boundary',
  guest: 'in the microVM',
}

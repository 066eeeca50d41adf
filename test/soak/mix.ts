/** What a soak is made of: programs that end well, and in every other way that a tenant's may. */
import type { ExitRecord, WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'

export interface Kind {
  readonly name: string
  /** How many of a hundred. */
  readonly share: number
  readonly request: WorkloadRequest
  /** How it ends where nothing is done to it. */
  readonly by: ExitRecord['by']
  /** It is killed once it has begun. */
  readonly killed?: true
  /** What its record has to tell and does not, in words. */
  readonly lacks?: (record: WorkloadRecord) => string | undefined
}

const output = (record: WorkloadRecord) =>
  record.stdout === `${begun}\n42\n` ? undefined : `it said ${JSON.stringify(record.stdout.slice(0, 200))}`

/** Said once by every program that begins: one that began twice would have said it twice. */
export const begun = 'begun'

/** A full host that is emulated takes half a minute for what is nothing elsewhere. */
const patient = { resources: { timeout_s: 300 } } as const

const python = (code: string, more: Partial<WorkloadRequest> = {}): WorkloadRequest => ({
  runtime: 'python',
  code: `print('${begun}', flush=True)\n${code}`,
  ...patient,
  ...more,
})
const node = (code: string): WorkloadRequest => ({
  runtime: 'node',
  code: `console.log('${begun}')\n${code}`,
  ...patient,
})

export const mix: readonly Kind[] = [
  { name: 'python', share: 48, by: 'program', request: python('print(6 * 7)'), lacks: output },
  { name: 'node', share: 14, by: 'program', request: node('console.log(6 * 7)'), lacks: output },
  {
    name: 'result',
    share: 6,
    by: 'program',
    request: python(`open(__import__('os').environ['VULCAN_RESULT'], 'w').write('[1]')`),
    lacks: ({ result }) => (JSON.stringify(result) === '[1]' ? undefined : `its result is ${JSON.stringify(result)}`),
  },
  {
    name: 'exception',
    share: 8,
    by: 'program',
    request: python(`raise ValueError('no')`),
    lacks: ({ stderr }) => (stderr.includes('ValueError: no') ? undefined : `its error is ${JSON.stringify(stderr)}`),
  },
  {
    name: 'signal',
    share: 4,
    by: 'program',
    request: python(`__import__('os').abort()`),
    lacks: ({ exit }) => (exit?.signal === 'SIGABRT' ? undefined : `its signal is ${exit?.signal}`),
  },
  {
    name: 'much output',
    share: 4,
    by: 'program',
    request: python(`print('x' * 2_000_000)`),
    lacks: ({ stdout, dropped_bytes: dropped }) =>
      // Where something was dropped it says so.
      stdout.length + dropped.stdout >= begun.length + 2_000_002 ? undefined : `it has ${stdout.length} of its output`,
  },
  {
    name: 'refused',
    share: 4,
    by: 'program',
    request: python(
      `import socket\ntry:\n  socket.create_connection(('192.0.2.1', 9), 5)\nexcept OSError as error:\n  print(error)`,
      { network: { mode: 'internet', allow: ['198.51.100.0/24'] } },
    ),
    lacks: ({ run }) =>
      run?.network?.denied.some(({ address }) => address === '192.0.2.1') ? undefined : 'its record has no refusal',
  },
  {
    name: 'timeout',
    share: 4,
    by: 'timeout',
    // Long enough to have begun on a full host that is emulated.
    request: python('__import__("time").sleep(600)', { resources: { timeout_s: 20 } }),
  },
  {
    name: 'oom',
    share: 4,
    by: 'oom',
    // Piece by piece: what is more than all there is would be refused, and a MemoryError.
    request: python(`held = []\nwhile True: held.append(b'x' * (1 << 20))`),
  },
  {
    name: 'killed',
    share: 4,
    by: 'killed',
    killed: true,
    request: python('__import__("time").sleep(600)', { resources: { timeout_s: 700 } }),
  },
]

/** The nth of a soak; every hundred have their shares, well mixed. */
export function kindOf(n: number): Kind {
  // 37 has no factor in common with 100: it meets each of them once.
  let at = (n * 37) % 100
  for (const kind of mix) {
    at -= kind.share
    if (at < 0) return kind
  }
  throw new Error('the shares are less than a hundred')
}

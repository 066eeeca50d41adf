/** Starts of vms on real Firecracker: bench/node/starts.ts, run on the node of a server that is up, and its samples as figures. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { runningServer } from './server.ts'
import { spreadOf } from './statistics.ts'

interface Sample {
  readonly runtime: string
  readonly round: number
  readonly name: string
  readonly ms?: number
  readonly recordMs?: number
  readonly start?: string
  readonly phases?: Readonly<Record<string, number>>
  readonly mibPerS?: number
  readonly pssMib?: number
  readonly memMib?: number
}

const root = join(import.meta.dirname, '..')

/** Of those runtimes, or of all. */
export async function starts(
  { quick, rounds = quick ? 2 : 9, say }: Options,
  runtimes: readonly string[],
): Promise<Figure[]> {
  const samples: Sample[] = []
  for await (const sample of measured(rounds, runtimes)) {
    samples.push(sample)
    say(`starts: ${sample.runtime} ${sample.round + 1}: ${sample.name}`)
  }
  return [...new Set(samples.map(({ runtime }) => runtime))].flatMap((runtime) =>
    figuresOf(
      runtime,
      samples.filter((sample) => sample.runtime === runtime),
    ),
  )
}

/** The command line that runs there: in the machine where the server is in one. */
async function* measured(rounds: number, runtimes: readonly string[]): AsyncGenerator<Sample> {
  const { home, place, key } = await runningServer()
  const script = (checkout: string) => join(checkout, 'bench/node/starts.ts')
  // In there the server listens at another address, which its own file tells.
  const [command, ...words] =
    place === 'machine'
      ? [join(root, 'vulcan'), 'machine', 'exec', '--', 'node', script('/opt/vulcan'), '/var/lib/vulcan']
      : ['node', script(root), home]
  const child = spawn(command ?? '', [...words, String(rounds), ...runtimes], { stdio: ['pipe', 'pipe', 'inherit'] })
  // A command line is everybody’s to read.
  child.stdin.end(key)
  const ended = once(child, 'close')
  for await (const line of createInterface(child.stdout)) yield JSON.parse(line) as Sample
  const [code] = (await ended) as [number | null]
  // Half of the samples are no figures.
  if (code !== 0) throw new Error(`${command} ${words.join(' ')} exited with ${code}`)
}

function figuresOf(runtime: string, samples: readonly Sample[]): Figure[] {
  const of = (name: string, value: (sample: Sample) => number | undefined = (sample) => sample.ms) =>
    samples.flatMap((sample) => (sample.name === name ? [value(sample) ?? NaN] : []))
  const vm = ({ phases }: Sample) => phases?.['vm']
  const against = (values: readonly number[], floors: readonly number[]) => ({
    unit: 'ms',
    value: spreadOf(values),
    floor: spreadOf(floors),
    ratio: spreadOf(values.map((value, round) => value / (floors[round] ?? NaN))),
  })
  const pooled = samples.filter(({ name, start }) => name === 'api' && start === 'pool')
  const program = of('program')
  const fresh = pooled.map(({ round }) => program[round] ?? NaN)
  const share = (name: string) => ({
    unit: '%',
    value: spreadOf(of(name, ({ pssMib = NaN, memMib = NaN }) => (100 * pssMib) / memMib)),
  })
  const named: Record<string, Omit<Figure, 'name'>> = {
    'restore in a slot, to the agent': {
      ...against(of('restore in a slot', vm), of('bare restore')),
      bar: { of: 'ratio', most: 1.3 },
    },
    'restore, all made anew': against(of('restore', vm), of('bare restore')),
    ...(of('boot').length > 0 && { boot: against(of('boot', vm), of('bare restore')) }),
    'ping of a vm that is ready': { unit: 'ms', value: spreadOf(of('ping')) },
    'pool, from the API to the first byte': {
      ...against(
        pooled.map(({ ms = NaN }) => ms),
        fresh,
      ),
      // A build takes as long in a vm that waited.
      bar: { of: 'ratio', most: runtime === 'go' ? 1.5 : 0.3 },
    },
    'pool, from the API to the record': { unit: 'ms', value: spreadOf(pooled.map(({ recordMs = NaN }) => recordMs)) },
    ...(of('raw vsock').length > 0 && { 'output of a program over vsock': { ...outputOf(samples) } }),
    'memory of a vm that is ready (PSS)': { ...share('idle'), bar: { of: 'value', most: 25 } },
    'memory after a program (PSS)': share('used'),
  }
  return Object.entries(named).map(([name, figure]) => ({ name: `${runtime}: ${name}`, ...figure }))
}

/** Against the same bytes over a bare connection. */
function outputOf(samples: readonly Sample[]): Omit<Figure, 'name'> {
  const of = (name: string) => samples.flatMap((sample) => (sample.name === name ? [sample.mibPerS ?? NaN] : []))
  const [values, floors] = [of('output'), of('raw vsock')]
  return {
    unit: 'MiB/s',
    value: spreadOf(values),
    floor: spreadOf(floors),
    ratio: spreadOf(values.map((value, round) => value / (floors[round] ?? NaN))),
  }
}

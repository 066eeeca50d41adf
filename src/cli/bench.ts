/** vulcan bench: measures the server that runs, and what this host allows beside it. What measures is the checkout's `bench`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve, join } from 'node:path'
import { Argument, Command, InvalidArgumentError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { childEnvironment } from '../config.ts'
import type { Act } from './cli.ts'
import { connect } from './connect.ts'
import type { Context } from './context.ts'

const help = `
  starts  vms from a boot, a snapshot and the pool, to the first byte and to the record, beside bare Firecracker and a new
          interpreter in a vm that runs; output over vsock; memory of vms
  load    1, 4 and 16 workloads at once: medians, p95, p99, how many succeed, how many a second
  setup   what the server takes for itself, and what was made for it
  all     all of these: some minutes
Exit status: 1 where a bar is missed.`

const definition = () =>
  new Command('bench')
    .description('measure this host: starts, load, memory; as a table, and as JSON in a file')
    .addArgument(
      new Argument('[what]', 'to measure').choices(['all', 'starts', 'load', 'setup']).default('all' as const),
    )
    .option('--rounds <n>', 'how often what is compared takes turns', rounds, 5)
    .option('--quick', 'once or twice: to see that it works, not for figures')
    .option('--compare <file>', 'an earlier report, shown beside')
    .option('--out <file>', 'where the report goes')
    .option('--json', 'print the report instead of the table')
    .addHelpText('after', help)

export const benchCommand = (act: Act): CommandUnknownOpts =>
  definition().action((what, options) => act((context) => bench(context, what, options)))

type Options = ReturnType<ReturnType<typeof definition>['opts']>

async function bench(context: Context, what: string, o: Options): Promise<number> {
  const { root, config, signal } = context
  // Whatever is missing is made first, and not measured.
  await connect(context, ['python', 'node'])
  const words = [
    ...(o.quick ? ['--quick', '--rounds', '2'] : ['--rounds', String(o.rounds)]),
    ...(o.compare === undefined ? [] : ['--compare', resolve(o.compare)]),
    ...(o.out === undefined ? [] : ['--out', resolve(o.out)]),
    ...(o.json ? ['--json'] : []),
  ]
  const child = spawn(process.execPath, [join(root, 'bench', 'run.ts'), what, ...words], {
    stdio: 'inherit',
    env: childEnvironment({ VULCAN_HOME: config.home }),
    signal,
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  signal.throwIfAborted()
  return code ?? 1
}

function rounds(word: string): number {
  const value = Number(word)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is not a number of rounds.')
  return value
}

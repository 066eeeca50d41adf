/** npm run bench -- control|starts|load|setup|all: measures, writes a report as JSON, shows it as a table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { runtimes } from '../src/api/runtimes.ts'
import { control, partNames } from './control.ts'
import { load } from './load.ts'
import type { Options } from './options.ts'
import { holds, hostNow, tableOf, type Figure, type Report } from './report.ts'
import { placeNow } from './server.ts'
import { setup } from './setup.ts'
import { starts } from './starts.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    compare: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'string' },
    'sync-ms': { type: 'string' },
    part: { type: 'string', multiple: true, default: [] },
  },
})
const { quick, profile, part, rounds, 'sync-ms': syncMs } = values
const options: Options = {
  ...{ quick, profile, say: (words: string) => console.error(words) },
  ...(rounds !== undefined && { rounds: Number(rounds) }),
  ...(syncMs !== undefined && { syncMs: Number(syncMs) }),
}

/** Those on real vms need a server that runs; one after another, or they would measure each other. */
const benchmarks: Readonly<Record<string, () => Promise<Figure[]>>> = {
  control: () => control(options, part),
  starts: () => starts(options, part),
  load: () => load(options),
  setup: () => setup(options),
  all: async () => [...(await setup(options)), ...(await starts(options, [])), ...(await load(options))],
}

const [benchmark = ''] = positionals
const measure = Object.hasOwn(benchmarks, benchmark) ? benchmarks[benchmark] : undefined
const runtimeNames: readonly string[] = runtimes.map(({ name }) => name)
const parts = { control: partNames as readonly string[], starts: runtimeNames }[benchmark] ?? []
if (
  !measure ||
  !(Number(rounds ?? 1) >= 1) ||
  !(Number(syncMs ?? 1) > 0) ||
  part.some((name) => !parts.includes(name))
) {
  const shared = '[--quick] [--json] [--compare FILE] [--out FILE]'
  console.error(
    `usage: npm run bench -- control ${shared} [--part ${partNames.join('|')}]… [--profile FOLDER] [--sync-ms MS]`,
  )
  console.error(`       npm run bench -- starts ${shared} [--part ${runtimeNames.join('|')}]… [--rounds N]`)
  console.error(`       npm run bench -- load|setup|all ${shared} [--rounds N]`)
  process.exit(2)
}

const earlier = values.compare === undefined ? undefined : (JSON.parse(readFileSync(values.compare, 'utf8')) as Report)
const host = { ...hostNow(), ...(benchmark === 'control' ? {} : await placeNow()) }
const figures = await measure()
const report: Report = {
  benchmark,
  at: new Date().toISOString(),
  host,
  settings: { quick, parts: part, sync_ms: options.syncMs },
  figures,
}
const text = `${JSON.stringify(report, undefined, 2)}\n`
const out = values.out ?? join(import.meta.dirname, '..', 'dist', 'bench', `${benchmark}.json`)
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, text)
if (values.json) process.stdout.write(text)
else console.log(`${Object.entries(host).flat().join(' ')}\n\n${tableOf(report, earlier)}\n\nwritten to ${out}`)
process.exitCode = figures.some((figure) => holds(figure) === false) ? 1 : 0

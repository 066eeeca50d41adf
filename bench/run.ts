/** npm run bench -- control|starts: measures, writes a report as JSON, shows it as a table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { control, partNames } from './control.ts'
import { starts } from './starts.ts'
import { holds, hostNow, tableOf, type Report } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    compare: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'string' },
    part: { type: 'string', multiple: true, default: [] },
  },
})
const [benchmark] = positionals
const parts: Readonly<Record<string, readonly string[]>> = { control: partNames, starts: [] }
const known = parts[benchmark ?? '']
if (benchmark === undefined || known === undefined || values.part.some((name) => !known.includes(name))) {
  const options = '[--quick] [--compare FILE] [--out FILE]'
  console.error(`usage: npm run bench -- control ${options} [--part ${partNames.join('|')}]… [--profile FOLDER]`)
  console.error(`       npm run bench -- starts ${options}`)
  process.exit(2)
}

const earlier = values.compare === undefined ? undefined : (JSON.parse(readFileSync(values.compare, 'utf8')) as Report)
const { quick, profile, part } = values
const host = hostNow()
const options = { quick, profile, say: (words: string) => console.error(words) }
const figures = await (benchmark === 'control' ? control(options, part) : starts(options))
const report: Report = { benchmark, at: new Date().toISOString(), host, settings: { quick, parts: part }, figures }
const out = values.out ?? join(import.meta.dirname, '..', 'dist', 'bench', `${benchmark}.json`)
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`)
console.log(`${Object.entries(host).flat().join(' ')}\n\n${tableOf(report, earlier)}\n\nwritten to ${out}`)
process.exitCode = figures.some((figure) => holds(figure) === false) ? 1 : 0

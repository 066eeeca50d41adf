/** npm run bench -- control: measures, writes a report as JSON, shows it as a table. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { control, partNames } from './control.ts'
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
const unknown = values.part.filter((name) => !partNames.includes(name))
if (benchmark !== 'control' || unknown.length > 0) {
  console.error(
    `usage: npm run bench -- control [--quick] [--part ${partNames.join('|')}]… [--compare FILE] [--out FILE] [--profile FOLDER]`,
  )
  process.exit(2)
}

const earlier = values.compare === undefined ? undefined : (JSON.parse(readFileSync(values.compare, 'utf8')) as Report)
const { quick, profile, part } = values
const host = hostNow()
const figures = await control({ quick, profile, say: (words) => console.error(words) }, part)
const report: Report = { benchmark, at: new Date().toISOString(), host, settings: { quick, parts: part }, figures }
const out = values.out ?? join(import.meta.dirname, '..', 'dist', 'bench', `${benchmark}.json`)
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, `${JSON.stringify(report, undefined, 2)}\n`)
console.log(`${Object.entries(host).flat().join(' ')}\n\n${tableOf(report, earlier)}\n\nwritten to ${out}`)
process.exitCode = figures.some((figure) => holds(figure) === false) ? 1 : 0

/** npm run check: everything that can be known without a microVM, in under a minute. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root, runSteps, type Step } from './steps.ts'

const native = join(root, 'native')

const steps: readonly Step[] = [
  // The slowest first, so that the short ones fill the gaps.
  { name: 'go test', argv: ['go', 'test', './...'], cwd: native },
  { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit', '--reporter', 'dot'] },
  { name: 'types', argv: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'page types', argv: ['tsc', '-p', 'dashboard/tsconfig.json'] },
  { name: 'lint', argv: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'go vet', argv: ['go', 'vet', './...'], cwd: native },
  { name: 'dead code', argv: ['knip', '--no-progress'] },
  { name: 'format', argv: ['oxfmt', '--check'] },
  {
    name: 'gofmt',
    argv: ['gofmt', '-l', '.'],
    cwd: native,
    judge: (output) => (output.trim() === '' ? undefined : 'these files are not formatted'),
  },
]

const begun = performance.now()
const ok = await runSteps(steps, availableParallelism())
console.log(`${ok ? 'all well' : 'not well'} after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
process.exitCode = ok ? 0 : 1

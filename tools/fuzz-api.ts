/**
 * npm run fuzz:api: schemathesis makes requests from the document of the API, good ones and bad ones, against a server on
 * the fake backend. Fails on any 5xx and on any answer that the document does not foresee. Words behind go to schemathesis.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { routes } from '../src/api/routes.ts'
import { testKey, testServer } from '../src/server/testing.ts'

const version = '4.32.5'

// What is installed and what it leaves behind lies in here, outside the project.
await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-fuzz-'))

async function run(command: string, ...words: readonly string[]): Promise<number> {
  const child = spawn(command, words, { stdio: 'inherit', cwd: folder.path, env: { ...process.env, COLUMNS: '120' } })
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}

const program = (name: string) => join(folder.path, 'venv', 'bin', name)
const installed =
  (await run('python3', '-m', 'venv', 'venv')) === 0 &&
  (await run(program('pip'), 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`)) === 0
if (!installed) throw new Error('schemathesis could not be installed (Debian: apt-get install python3-venv)')

const logged: unknown[] = []
await using server = await testServer({
  // It tries much without a key, and wants to hear 401.
  server: { log: (error) => logged.push(error), failuresPerMinute: 1e6 },
})
const url = await server.app.listen({ host: '127.0.0.1', port: 0 })
const code = await run(
  program('schemathesis'),
  'run',
  `${url}${routes.openapi}`,
  ...['--header', `Authorization: Bearer ${testKey}`],
  ...['--workers', '1', '--max-examples', '50', '--request-timeout', '20', '--continue-on-failure', '--seed', '1'],
  // How fast this host makes them up says nothing of the server, and what is too slow would not be tried at all.
  ...['--suppress-health-check', 'too_slow'],
  // A stream that ends with the server alone.
  ...['--exclude-operation-id', 'followEvents'],
  // Rules between fields and bounds from the settings are in no schema; a workload that was killed keeps its record.
  ...['--exclude-checks', 'positive_data_acceptance,use_after_free'],
  ...process.argv.slice(2),
)
for (const error of logged) console.error('the log of the server:', error)
process.exitCode = code === 0 && logged.length === 0 ? 0 : 1

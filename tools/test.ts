/** npm test: unit tests, browser tests, Go's tests and the system tests on real microVMs; ends with the line `N passed, N failed`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { Tail } from '../src/base/tail.ts'
import { quiet } from '../src/base/progress.ts'
import { ensureHostPackages, hostTools } from '../src/images/host.ts'
import { installed } from '../test/programs.ts'
import { isTooLate } from '../test/until.ts'
import { countGo, countVitest, sum, type Counts } from './counts.ts'
import { unpackPrometheus } from './prometheus.ts'
import { root } from './steps.ts'

const scratch = await mkdtemp(join(tmpdir(), 'vulcan-npm-test-'))
const home = process.env['VULCAN_HOME'] ?? join(scratch, 'home')
/** Bytes of a command's stderr that are repeated where it tested nothing: enough for the last words of a set-up. */
const stderrKept = 4000
const env: Record<string, string | undefined> = { ...process.env, VULCAN_HOME: home, VULCAN_REQUIRE_VM: '1' }

/** The projects whose tests take minutes each. */
const onVms = new Set(['system', 'faults'])

/** In bytes: the machine's own and what its vms make this host keep. */
const memoryForMachine = 9 * 2 ** 30

interface Said {
  readonly stdout: string
  /** Its last lines. */
  readonly stderr: string
}

/** Runs a command with its output shown, stdout only where it is not captured; the exit status counts only through what was counted. */
function run(argv: readonly [string, ...string[]], o: { cwd?: string; capture?: boolean } = {}): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>()
  const stdio = ['ignore', o.capture ? 'pipe' : 'inherit', 'pipe'] as const
  const child = spawn(argv[0], argv.slice(1), { cwd: o.cwd ?? root, env, stdio: [...stdio] })
  const parts: Buffer[] = []
  const stderr = new Tail(stderrKept)
  child.stdout?.on('data', (chunk: Buffer) => parts.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    stderr.push(chunk)
  })
  child.once('error', (error) => {
    console.log(`${argv.join(' ')}: ${error.message}`)
    resolve({ stdout: '', stderr: error.message })
  })
  child.once('close', () => resolve({ stdout: Buffer.concat(parts).toString('utf8'), stderr: stderr.text() }))
  return promise
}

/** `words`: more of the command line, files among them. */
async function vitest(project: string, words: readonly string[] = []): Promise<Counts> {
  const report = join(scratch, `${project}.json`)
  const reporters = [
    '--reporter',
    onVms.has(project) ? 'verbose' : 'default',
    '--reporter',
    'json',
    `--outputFile.json=${report}`,
  ]
  const { stderr } = await run(['vitest', 'run', '--project', project, ...reporters, ...words])
  // No report means that vitest did not come so far: one failure, not none.
  const text = await readFile(report, 'utf8').catch(() => '')
  return countVitest(text, { skipsFail: project !== 'unit', stderr })
}

async function go(): Promise<Counts> {
  const { stdout } = await run(['go', 'test', '-json', './...'], { cwd: join(root, 'native'), capture: true })
  const counts = countGo(stdout)
  console.log(`go: ${counts.passed} passed, ${counts.failed} failed`)
  return counts
}

/**
 * The unit tests of networks use this host's own kernel, which a user's first command needs only where KVM is usable; those
 * of metrics use Prometheus and those of the dashboard a browser and curl, which no user needs. Without them those tests fail
 * and say so.
 */
async function prepare(): Promise<void> {
  const progress = { ...quiet, note: (text: string) => console.log(text) }
  const at = { home, root, progress, signal: new AbortController().signal }
  const say = (error: unknown) => console.log(String(error))
  await ensureHostPackages(at, hostTools).catch(say)
  // A browser without a font draws nothing.
  await ensureHostPackages(at, ['chromium', 'fonts-dejavu-core', 'curl']).catch(say)
  if (installed('prometheus') && installed('promtool')) return
  const folder = await unpackPrometheus(scratch).catch(say)
  if (folder) env['PATH'] = `${folder}:${env['PATH']}`
}

/**
 * How many machines the system tests run on at once. An emulated one has three processors; where there are but two, a second
 * machine makes every step of both twice as slow or worse. On a host whose own KVM is used there is none.
 */
async function machinesHere(): Promise<number> {
  const { stdout } = await run([join(root, 'vulcan'), 'doctor', '--json'], { capture: true })
  const { place } = JSON.parse(stdout) as { place: string }
  const bears = availableParallelism() >= 4 && totalmem() >= 2 * memoryForMachine
  return place === 'machine' && bears ? 2 : 1
}

/** Most of it waits for the network; what goes wrong is told when the system tests do it again. */
async function setUp(): Promise<void> {
  await run([join(root, 'vulcan'), 'setup'])
  env['VULCAN_TEST_MACHINES'] = String(await machinesHere().catch(() => 1))
}

/** Faults that reach no further than what is ours, as a node may be somebody's host. `npm run test:faults` suffers all. */
const ourFaults = ['plugins', 'vm', 'neighbours'].map((name) => `test/faults/${name}.test.ts`)

async function faults(): Promise<Counts> {
  if (isTooLate()) return { passed: 0, failed: 0, told: ['LEFT OUT all faults: there was no time'] }
  return vitest('faults', ['--retry', '1', ...ourFaults])
}

try {
  await prepare()
  const settingUp = setUp()
  const counts = [await vitest('unit'), await vitest('browser'), await go()]
  await settingUp
  counts.push(await vitest('system'), await faults())
  const { passed, failed, told } = sum(counts)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
  await run([join(root, 'vulcan'), 'down'])
  // Repeated at the end, where somebody who reads only that finds them.
  for (const line of told) console.log(line)
  console.log(`${passed} passed, ${failed} failed`)
} finally {
  await rm(scratch, { recursive: true, force: true })
}

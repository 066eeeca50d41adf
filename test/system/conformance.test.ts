/**
 * Programs cannot tell an interpreter that waited from a new one: the comparison of native/guest/session, whose test of the
 * agent's own code is carried into a vm, run there by the very interpreters of the images.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { python, settled, vulcan } from './harness.ts'
import { eventually } from './outside.ts'
import { root } from './places.ts'

const call = promisify(execFile)
const seconds = 1800

/** A folder with the test and all it reads, at the paths where it looks for it. */
async function packed(folder: string): Promise<void> {
  const place = join(folder, 'native/guest/session')
  await mkdir(place, { recursive: true })
  await cp(join(root, 'test/conformance'), join(folder, 'test/conformance'), { recursive: true })
  await mkdir(join(folder, 'images'))
  for (const name of ['python-wait.py', 'python-wait.pth', 'node-wait.cjs']) {
    await cp(join(root, 'images', name), join(folder, 'images', name))
  }
  await call('go', ['test', '-c', '-o', join(place, 'session.test'), './guest/session'], {
    cwd: join(root, 'native'),
    env: { ...process.env, CGO_ENABLED: '0' },
  })
}

test.each([
  ['python', 'APython', 'main.py', 'import os\nos.chdir("native/guest/session")\nos.execv(ARGV[0], ARGV)'],
  [
    'node',
    'ANode',
    'main.js',
    'process.exit(require("child_process").spawnSync(ARGV[0], ARGV.slice(1), { cwd: "native/guest/session", stdio: "inherit" }).status)',
  ],
])(
  '%s: whatever a program prints of its process is the same',
  async (runtime, name, main, starter) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-conformance-'))
    await packed(folder.path)
    const argv = ['./session.test', `-test.run=TestProgramsCannotTell${name}`, '-test.v', `-test.timeout=${seconds}s`]
    await writeFile(join(folder.path, main), starter.replaceAll('ARGV', JSON.stringify(argv)))
    const limits = ['--timeout', String(seconds), '--mem', '1024', '--cpus', '2']
    const said = await vulcan(['run', folder.path, '--runtime', runtime, '--network', 'none', ...limits])
    expect(said.code, said.stdout.slice(-20_000) + said.stderr).toBe(0)
    expect(said.stdout.match(/^ {4}--- PASS/gm)?.length ?? 0).toBeGreaterThan(40)
    expect(said.stdout).not.toMatch(/--- (FAIL|SKIP)/)
  },
  2_000_000,
)

test('a plain program has an interpreter that waited, once a template is there; one with settings of its own has not', async () => {
  const once = (env: Record<string, string> = {}) => python('import sys; print(sys.argv)', { env })
  const look = async () => {
    const { run, stdout } = await once()
    expect(stdout).toBe("['main.py']\n")
    return run?.details?.interpreter === 'waited' ? true : undefined
  }
  await eventually('an interpreter that waited', look, { withinMs: 400_000 })
  const { run, stdout } = await once({ PYTHONHASHSEED: '1' })
  expect([run?.details?.interpreter, stdout]).toEqual(['new', "['main.py']\n"])
  expect(await settled()).toEqual([])
})

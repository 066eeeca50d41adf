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
import { vulcan } from './harness.ts'
import { root } from './places.ts'

const call = promisify(execFile)
const seconds = 1800

/** A folder with the test and all it reads, at the paths where it looks for it. */
async function packed(folder: string): Promise<void> {
  const place = join(folder, 'native/guest/session')
  await mkdir(place, { recursive: true })
  const whole = { recursive: true, verbatimSymlinks: true }
  await cp(join(root, 'test/conformance'), join(folder, 'test/conformance'), whole)
  await mkdir(join(folder, 'images'))
  for (const name of ['python-wait.py', 'python-wait.pth', 'node-wait.cjs']) {
    await cp(join(root, 'images', name), join(folder, 'images', name))
  }
  await call('go', ['test', '-c', '-o', join(place, 'session.test'), './guest/session'], {
    cwd: join(root, 'native'),
    env: { ...process.env, CGO_ENABLED: '0' },
  })
}

interface Comparison {
  readonly runtime: string
  /** In the name of the agent's test. */
  readonly name: string
  readonly main: string
  /** Starts the test in its folder; ARGV stands for its command line. */
  readonly starter: string
}

/** A test that runs every program in a vm by a new interpreter and by one that waited, and compares the two. */
export function testConformance({ runtime, name, main, starter }: Comparison): void {
  test(`${runtime}: whatever a program prints of its process is the same`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-conformance-'))
    await packed(folder.path)
    const argv = ['./session.test', `-test.run=TestProgramsCannotTell${name}`, '-test.v', `-test.timeout=${seconds}s`]
    await writeFile(join(folder.path, main), starter.replaceAll('ARGV', JSON.stringify(argv)))
    const limits = ['--timeout', String(seconds), '--mem', '1024', '--cpus', '2']
    const said = await vulcan(['run', folder.path, '--runtime', runtime, '--network', 'none', ...limits])
    expect(said.code, said.stdout.slice(-20_000) + said.stderr).toBe(0)
    expect(said.stdout.match(/^ {4}--- PASS/gm)?.length ?? 0).toBeGreaterThan(40)
    expect(said.stdout).not.toMatch(/--- (FAIL|SKIP)/)
  }, 2_000_000)
}

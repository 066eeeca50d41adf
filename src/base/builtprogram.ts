/** For tests: Go programs, built from native/; needs Go. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.ts'

/** Builds a package, `./tap` for one of our own, into that file, beside its place first: others may run the one that is there. */
export async function buildProgram(what: string, path: string): Promise<void> {
  const fresh = join(dirname(path), randomUUID())
  const native = fileURLToPath(new URL('../../native', import.meta.url))
  await mkdir(dirname(path), { recursive: true })
  await run(['go', 'build', '-o', fresh, what], { cwd: native })
  await rename(fresh, path)
}

/** The path of vulcan-spawner. */
export async function builtSpawner(): Promise<string> {
  const path = join(tmpdir(), 'vulcan-test-spawner', 'vulcan-spawner')
  await buildProgram('./spawner', path)
  return path
}

/** For tests: our own Go programs, built from their sources; needs Go. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.ts'

/** Builds a folder of native/ into that file, beside its place first: others may run the one that is there. */
export async function buildProgram(folder: string, path: string): Promise<void> {
  const fresh = join(dirname(path), randomUUID())
  const native = fileURLToPath(new URL('../../native', import.meta.url))
  await mkdir(dirname(path), { recursive: true })
  await run(['go', 'build', '-o', fresh, `./${folder}`], { cwd: native })
  await rename(fresh, path)
}

/** The path of vulcan-spawner. */
export async function builtSpawner(): Promise<string> {
  const path = join(tmpdir(), 'vulcan-test-spawner', 'vulcan-spawner')
  await buildProgram('spawner', path)
  return path
}

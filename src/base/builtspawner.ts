/** For tests: vulcan-spawner, built from its sources; needs Go. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.ts'

/** Its path. Built for each file that asks, beside its place: others may run the one that is there. */
export async function builtSpawner(): Promise<string> {
  const folder = join(tmpdir(), 'vulcan-test-spawner')
  const [path, fresh] = ['vulcan-spawner', randomUUID()].map((name) => join(folder, name)) as [string, string]
  await mkdir(folder, { recursive: true })
  const native = fileURLToPath(new URL('../../native', import.meta.url))
  await run(['go', 'build', '-o', fresh, './spawner'], { cwd: native })
  await rename(fresh, path)
  return path
}

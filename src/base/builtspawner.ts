/** For tests: vulcan-spawner, built from its sources; needs Go. */
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.ts'

/** Its path. Built for each file that asks, which costs little where nothing has changed. */
export async function builtSpawner(): Promise<string> {
  const path = join(tmpdir(), 'vulcan-test-spawner', 'vulcan-spawner')
  await mkdir(join(path, '..'), { recursive: true })
  const native = fileURLToPath(new URL('../../native', import.meta.url))
  await run(['go', 'build', '-o', path, './spawner'], { cwd: native })
  return path
}

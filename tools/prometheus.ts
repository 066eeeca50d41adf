/** Debian's Prometheus for tests, unpacked and not installed: installing it would start a server on the tester's computer. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../src/base/process.ts'

const timeoutMs = 300_000

/** Unpacks the package below a folder; gives back where `prometheus` and `promtool` lie. Rejects with CommandFailed. */
export async function unpackPrometheus(below: string): Promise<string> {
  const folder = join(below, 'prometheus')
  await mkdir(folder, { recursive: true })
  const download = () => run(['apt-get', 'download', 'prometheus'], { cwd: folder, timeoutMs })
  await download().catch(async () => {
    // Lists that are missing or name a package that the mirror no longer has.
    await run(['apt-get', 'update'], { timeoutMs })
    await download()
  })
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? 'prometheus.deb'
  await run(['dpkg-deb', '--extract', join(folder, archive), folder], { timeoutMs })
  return join(folder, 'usr', 'bin')
}

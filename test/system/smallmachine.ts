/** For tests about the host machine: a small one of their own, next to the shared one. */
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quiet } from '../../src/base/progress.ts'
import { ensureProgram } from '../../src/images/assets.ts'
import { ensureMachineAssets } from '../../src/images/machine.ts'
import type { ServerCommand, StartOptions } from '../../src/machine/options.ts'
import { home as sharedHome, root } from './places.ts'

export interface SmallMachine {
  /** A path so long that sockets do not fit into it; its parent is the test's to remove. */
  readonly home: string
  /** The folder that the machine sees as `app`. */
  readonly app: string
  readonly options: StartOptions
}

/** A server that needs no program of ours: it says its word, and dies when asked for /die. */
export function server(word: string): ServerCommand {
  const code = `
    const { createServer } = require('node:http')
    const answer = (request, response) => (request.url === '/die' ? process.exit(7) : response.end(process.env.WORD))
    createServer(answer).listen(7777, '0.0.0.0', () => require('node:fs').writeSync(3, 'READY=1\\n'))`
  return { argv: ['node', '-e', code], env: { PATH: '/usr/local/bin:/usr/bin:/bin', WORD: word } }
}

/** What its server answers. */
export async function ask(port: number, path = '/'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })).text()
}

/** All that it needs, made beside the shared one's; it is not started. */
export async function smallMachine(): Promise<SmallMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'vulcan-machine-'))
  const home = join(folder, 'long'.repeat(24))
  const app = join(folder, 'app')
  await mkdir(app)
  const at = { home: sharedHome, root, progress: quiet, signal: new AbortController().signal }
  const { qemu, vmlinux, initramfs, rootfs } = await ensureMachineAssets(at)
  const options: StartOptions = {
    ...{ home, qemu, initramfs, rootfs, kernel: vmlinux, tool: await ensureProgram(at, 'machine') },
    ...{ memMib: 1024, cores: 1, diskGib: 1, shares: [{ tag: 'app', path: app }], restrict: true },
    ...{ server: server('first'), machinePort: 7777, hostPort: 0 },
    timeouts: { pingEvery: 500, pingAnswer: 15_000 },
  }
  return { home, app, options }
}

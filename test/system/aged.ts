/**
 * A snapshot of a vm in which something never rests while it waits for a program; time passes; a vm goes on from it, and a program
 * is to begin. Runs on the node, beside the server, with an instance, a home and a subnet of its own; prints the milliseconds
 * that the program took, as JSON.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Facts } from '../../src/base/facts.ts'
import { sleep } from '../../src/base/time.ts'
import { sizeOf } from '../../src/firecracker/boot.ts'
import type { FirecrackerFacts } from '../../src/firecracker/facts.ts'
import { cleanup } from '../../src/firecracker/leftovers.ts'
import { makeVm } from '../../src/firecracker/makevm.ts'
import { openHost } from '../../src/firecracker/open.ts'
import { Phases } from '../../src/firecracker/phases.ts'
import { exec, follow } from '../../src/firecracker/program.ts'
import { filesIn, takeSnapshot } from '../../src/firecracker/snapshot.ts'
import { locateAssets } from '../../src/images/assets.ts'
import { locateImage } from '../../src/images/image.ts'

const [serverHome = '/var/lib/vulcan', ageMs = '30000'] = process.argv.slice(2)
const home = join(serverHome, 'aged')
const signal = AbortSignal.timeout(900_000)

const python = await locateImage(serverHome, 'python')
await mkdir(home, { recursive: true, mode: 0o711 })
const host = await openHost({
  ...{ instance: 'aged', home, subnet: '10.91.0.0/16', nameservers: [] },
  assets: await locateAssets(serverHome),
})
await using undo = new AsyncDisposableStack()
undo.defer(() => rm(home, { recursive: true, force: true }))
undo.use(host.spawner)
undo.defer(() => host.networks.close())
undo.defer(async () => void (await cleanup({ ...host, files: () => Promise.resolve([]) }, new Set())))
/** Says that it waits, and never stops to think. */
const restless = ['perl', '-e', String.raw`open(C, ">&=62"); syswrite C, "waiting\n"; 1 while 1`]
const image = { ...python, launch: { ...python.launch, run: restless } }
const size = sizeOf({ cpus: 1, memMib: 256, timeoutMs: 60_000, diskMib: 64, pids: 64 })
const request = { image, size, diskMib: 64, nic: false }
const snapshot = filesIn(join(home, 'snapshot'))

/** In a vm that goes on from it: milliseconds from the wish to the program's end. */
async function oneProgram(): Promise<number> {
  const of = { ...request, network: { mode: 'none', allow: [] } } as const
  const owner = { kind: 'run', id: 'aged' } as const
  const facts = new Facts<FirecrackerFacts>()
  const { scope, session } = await makeVm(
    { host, facts },
    { of, owner, snapshot, phases: new Phases(), signal, retried: false },
  )
  try {
    const begun = performance.now()
    // Another than it waits for: what waits has to go first.
    const limits = { memory_bytes: 64 << 20, pids: 64, cpu_quota_us: 100_000 }
    const program = { argv: ['perl', '-e', '1'], env: {}, ...limits, stdin: false }
    await exec(session, { ...program, run: 'aged', tag: 'program', keep_ms: 0 }, signal)
    await follow(session, () => Promise.resolve(), signal)
    return performance.now() - begun
  } finally {
    await scope.close()
  }
}

await takeSnapshot(host, { ...request, folder: join(home, 'snapshot'), signal })
await sleep(Number(ageMs))
process.stdout.write(JSON.stringify({ ms: await oneProgram() }))

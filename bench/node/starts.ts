/**
 * Starts of vms, measured on the node beside its server, with an instance and a home of its own: prints a JSON line a sample.
 * What is compared takes turns in every round, so that what else the host does hits all of it.
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { Facts } from '../../src/base/facts.ts'
import { sizeOf } from '../../src/firecracker/boot.ts'
import type { FirecrackerFacts } from '../../src/firecracker/facts.ts'
import { cleanup } from '../../src/firecracker/leftovers.ts'
import { makeVm, type Started, type VmClass } from '../../src/firecracker/makevm.ts'
import { openHost } from '../../src/firecracker/open.ts'
import { Phases } from '../../src/firecracker/phases.ts'
import { makeSlot, type Slot } from '../../src/firecracker/slot.ts'
import { filesIn, takeSnapshot } from '../../src/firecracker/snapshot.ts'
import { trySnapshot } from '../../src/firecracker/trial.ts'
import { locateAssets } from '../../src/images/assets.ts'
import { locateImage } from '../../src/images/image.ts'
import { bareRestore } from './bare.ts'
import { firstByteOfApi } from './api.ts'
import { outputRate, rawRate } from './output.ts'
import { pssMib } from './pss.ts'
import { firstByte } from './program.ts'

/** Runtimes that are measured; none: all. */
const [serverHome = '/var/lib/vulcan', words = '3', ...chosen] = process.argv.slice(2)
/** Of the server, on standard input. */
const key = await textOf(process.stdin)
const { url } = JSON.parse(await readFile(join(serverHome, 'server.json'), 'utf8')) as { url: string }
const rounds = Number(words)
const home = join(serverHome, 'bench')
const say = (sample: object) => process.stdout.write(`${JSON.stringify(sample)}\n`)
const signal = AbortSignal.timeout(40 * 60_000)
/** A guest that spins has been seen; half a minute is usual. In milliseconds. */
const snapshotDeadlineMs = 300_000

await mkdir(home, { recursive: true, mode: 0o711 })
const host = await openHost({
  instance: 'bench',
  home,
  assets: await locateAssets(serverHome),
  subnet: '10.90.0.0/16',
  nameservers: [],
})
const facts = new Facts<FirecrackerFacts>()

async function classOf(runtime: string, mode: 'none' | 'internet', memMib: number): Promise<VmClass> {
  const image = await locateImage(serverHome, runtime)
  const resources = { cpus: 1, memMib, timeoutMs: 30_000, diskMib: 512, pids: 256 }
  return { image, size: sizeOf(resources), diskMib: 512, nic: mode !== 'none', network: { mode, allow: [] } }
}

/** Milliseconds of each phase of a start, and the vm, which is taken down behind the body. */
async function start(
  of: VmClass,
  o: { folder?: string; slot?: Slot; rehearsed?: boolean },
  body: (vm: Started) => Promise<void>,
) {
  const phases = new Phases()
  const snapshot = o.folder === undefined ? undefined : filesIn(o.folder)
  const owner = { kind: 'run', id: 'bench' } as const
  const manner = { retried: false, rehearsed: o.rehearsed ?? false }
  const started = await makeVm({ host, facts }, { of, owner, snapshot, slot: o.slot, phases, signal, ...manner })
  try {
    await body(started)
  } finally {
    await started.scope.close()
  }
  return phases.toRecord()
}

const nothing = () => Promise.resolve()

interface Subject {
  readonly runtime: 'python' | 'node' | 'go'
  readonly name: string
  /** Another program each time, so that nothing is found built. */
  readonly text: (n: number) => string
  /** Without a network, for the floor; and with one. */
  readonly plain: VmClass
  readonly of: VmClass
  /** Folders of their snapshots. */
  readonly folders: { readonly plain: string; readonly nic: string }
}

interface Program extends Pick<Subject, 'runtime' | 'name' | 'text'> {
  readonly memMib: number
}

const inGo = (n: number) => `package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hello", ${n})\n}\n`

async function subjectOf({ runtime, memMib, ...program }: Program): Promise<Subject> {
  const [plain, of] = [await classOf(runtime, 'none', memMib), await classOf(runtime, 'internet', memMib)]
  const folders = { plain: join(home, `${runtime}-plain`), nic: join(home, `${runtime}-nic`) }
  const soon = () => AbortSignal.any([signal, AbortSignal.timeout(snapshotDeadlineMs)])
  await takeSnapshot(host, { ...plain, folder: folders.plain, signal: soon() })
  await takeSnapshot(host, { ...of, folder: folders.nic, signal: soon() })
  await trySnapshot({ host, facts }, of, { snapshot: filesIn(folders.nic), signal: soon() })
  return { runtime, ...program, plain, of, folders }
}

let programs = 0

async function measure({ runtime, name, text, plain, of, folders }: Subject, round: number): Promise<void> {
  const sample = (name: string, more: object) => say({ runtime, round, name, ...more })
  sample('bare restore', { ms: await bareRestore(host, { of: plain, snapshot: filesIn(folders.plain), signal }) })
  sample('restore', { phases: await start(of, { folder: folders.nic }, nothing) })
  const slot = await makeSlot({ host, facts }, { of, snapshot: filesIn(folders.nic), signal })
  sample('restore in a slot', { phases: await start(of, { folder: folders.nic, slot }, nothing) })
  if (runtime === 'python') sample('boot', { phases: await start(of, {}, nothing) })
  await start(of, { folder: folders.nic, rehearsed: true }, async ({ vm, session }) => {
    sample('idle', { pssMib: await pssMib(vm.names), memMib: of.size.memMib })
    const begun = performance.now()
    await session.request({ op: 'ping' }, signal)
    sample('ping', { ms: performance.now() - begun })
    // The first start of a program in a vm touches what later ones find.
    for (const which of ['first program', 'program']) {
      const file = { name, text: text((programs += 1)) }
      sample(which, { ms: await firstByte(session, { of, file, signal }) })
    }
    if (runtime === 'python') {
      sample('output', { mibPerS: await outputRate({ session, vm, of, signal }) })
      sample('raw vsock', { mibPerS: await rawRate({ session, vm, of, signal }) })
    }
    sample('used', { pssMib: await pssMib(vm.names), memMib: of.size.memMib })
  })
  sample('api', await firstByteOfApi({ url, key, runtime, code: text((programs += 1)), signal }))
}

try {
  for (const program of [
    { runtime: 'python', memMib: 256, name: 'main.py', text: (n) => `print("hello", ${n})\n` },
    { runtime: 'node', memMib: 512, name: 'main.js', text: (n) => `console.log("hello", ${n})\n` },
    { runtime: 'go', memMib: 1024, name: 'main.go', text: inGo },
  ] satisfies Program[]) {
    const { runtime, text } = program
    if (chosen.length > 0 && !chosen.includes(runtime)) continue
    const subject = await subjectOf(program)
    // The server's own pool comes to hold vms of this class.
    for (let n = 0; n < 4; n += 1) await firstByteOfApi({ url, key, runtime, code: text((programs += 1)), signal })
    for (let round = 0; round < rounds; round += 1) await measure(subject, round)
  }
} finally {
  await cleanup({ ...host, files: () => Promise.resolve([]) }, new Set())
  await host.networks.close()
  await rm(home, { recursive: true, force: true })
}

/** A vm that goes on from a snapshot: jailed like any other, with the template's memory mapped privately and read-only files. */
import type { Scope } from '../base/scope.ts'
import { sleep } from '../base/time.ts'
import type { Session } from './agent.ts'
import { copyAhead, keptPages } from './ahead.ts'
import { FirecrackerApi } from './api.ts'
import { pidsIn, standingStill } from './cgroup.ts'
import { closeJail } from './jail.ts'
import { inJail, type VmNames } from './names.ts'
import type { GuestNetwork } from './network/guestnetwork.ts'
import { dialAgent, type FreshVm, living, type Placed, placeVm, type Starting, type VmHost } from './vm.ts'

/** Files of a snapshot; none of them may ever change while a vm goes on from it. */
export interface Snapshot {
  readonly memory: string
  readonly state: string
  /** The disk as it was in that moment, copied for each vm. */
  readonly disk: string
  /** Which pages of the memory every vm writes to (`ahead.ts`). */
  readonly written: string
}

/** Whether what failed in that phase may be the snapshot's fault: a template takes a minute to make anew. */
export function mayBlameSnapshot(phase: string | undefined): boolean {
  return phase !== 'network' && phase !== 'jailer'
}

/** How a vm goes on. */
interface Waking extends Pick<Starting, 'phases' | 'signal'> {
  /** Done when it is loaded, before it goes on. */
  readonly first?: (() => Promise<void>) | undefined
}

/**
 * When the agent is dialed, in milliseconds since its vm goes on. A connection made right after a restore can be answered by
 * nothing or by an end of file (Firecracker's issue 5882), so another is made beside it; an emulated guest may be that slow.
 */
const dialedAtMs = [0, 250, 1000, 3000, 8000]
/** For its first word, in milliseconds. */
const firstWordDeadlineMs = 23_000

/** Rejects with a VulcanError; the caller closes the scope. */
export async function restoreVm(
  scope: Scope,
  host: VmHost,
  o: Starting & Waking & { snapshot: Snapshot },
): Promise<FreshVm> {
  return wakeVm(host, await placeForRestore(scope, host, o), o)
}

/** All that a snapshot needs around it before it is loaded. */
export async function placeForRestore(
  scope: Scope,
  host: VmHost,
  o: Starting & { snapshot: Snapshot },
): Promise<Placed> {
  const { snapshot } = o
  const files = {
    shared: [
      [o.rootfs, inJail.rootfs],
      [snapshot.memory, inJail.memory],
      [snapshot.state, inJail.state],
    ],
    disk: snapshot.disk,
  } as const
  return placeVm(scope, host, { ...o, files })
}

/** Has the vm go on where it was placed, up to its agent's first word. */
export async function wakeVm(host: VmHost, placed: Placed, { phases, signal, first }: Waking): Promise<FreshVm> {
  const begun = performance.now()
  const about = { step: 'restore', what: 'its snapshot was loaded', signal }
  const session = await placed.process.during(about, (inner) => wake(placed, { phases, first, signal: inner }))
  const bootMs = performance.now() - begun
  await closeJail(placed.names.root)
  const { uid, network } = placed
  return { ...living(host, placed), uid, network, start: 'restore', bootMs, session }
}

/** Where a Firecracker waits for a snapshot, and what the vm will be reached by. */
export interface Waiting {
  readonly names: Pick<VmNames, 'apiSocket' | 'vsock'>
  readonly network: Pick<GuestNetwork, 'nic'>
}

/** Loads the snapshot; resolves with the session of the agent's first word. */
export async function wake(at: Waiting, { phases, signal, first }: Waking): Promise<Session> {
  await phases.time('load', () => load(at, { signal, first }))
  return phases.time('wake', () => firstWords(at.names, signal))
}

async function load({ names, network }: Waiting, { signal, first }: Omit<Waking, 'phases'>): Promise<void> {
  const body = {
    snapshot_path: inJail.state,
    mem_backend: { backend_type: 'File', backend_path: inJail.memory },
    network_overrides: network.nic ? [{ iface_id: 'eth0', host_dev_name: network.nic.tap }] : [],
    resume_vm: first === undefined,
  } as const
  await FirecrackerApi.use(names.apiSocket, signal, async (api) => {
    await api.loadSnapshot(body)
    if (!first) return
    await first()
    await api.resume()
  })
}

/** Gives a vm that is loaded copies of its own of the pages that it will write to. */
export async function copyWritten(
  { cgroup }: VmNames,
  { snapshot, signal }: { snapshot: Snapshot; signal: AbortSignal },
): Promise<void> {
  const pages = await keptPages(snapshot.written)
  const [pid] = await pidsIn(cgroup)
  if (pid === undefined || pages.length === 0) return
  // Firecracker writes to the guest's memory too: what comes to its network interface does not wait until the vm goes on.
  await standingStill(cgroup, signal, () => copyAhead(pid, inJail.memory, pages))
}

/** Resolves with the session whose hello comes first. */
export async function firstWords(names: Pick<VmNames, 'vsock'>, signal: AbortSignal): Promise<Session> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const dials = dialedAtMs.map(async (afterMs) => {
    await sleep(afterMs, either)
    return dialAgent(names, { timeoutMs: firstWordDeadlineMs - afterMs, signal: either })
  })
  try {
    const first = await Promise.any(dials)
    const closed = dials.map(async (dial) => (await dial) === first || (await dial).close())
    void Promise.allSettled(closed)
    return first
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof AggregateError ? error.errors.at(-1) : error
  } finally {
    over.abort(new Error('another was answered first'))
  }
}

/** What is around one vm, made in named steps inside one scope: closing the scope ends the vm and removes all of it. */
import { mkdir } from 'node:fs/promises'
import type { KillReason, NetworkSpec } from '../backend/backend.ts'
import type { Scope } from '../base/scope.ts'
import type { Spawner } from '../base/spawner.ts'
import { abortable, deadline } from '../base/time.ts'
import { together } from '../base/together.ts'
import type { Assets } from '../images/images.ts'
import { Session, SessionLost } from './agent.ts'
import type { Book } from './book.ts'
import { hostLimitsOf, type VmSize } from './boot.ts'
import { killAll, limitIo, type IoLimits, removeCgroup } from './cgroup.ts'
import type { DiskTemplates } from './disks.ts'
import { type JailFiles, prepareJail } from './jail.ts'
import { JailedProcess } from './jailer.ts'
import { agentPort, inJail, jailBase, namesOf, parentCgroup, type Places, type VmNames } from './names.ts'
import type { GuestNetwork } from './network/guestnetwork.ts'
import type { Networks } from './network/network.ts'
import type { Phases } from './phases.ts'
import { dial } from './vsock.ts'

/** What every vm of this host shares. */
export interface VmHost {
  /** Runs the commands that vms need, which are too many for a process as large as this one. */
  readonly spawner: Spawner
  readonly places: Places
  readonly assets: Assets
  readonly disks: DiskTemplates
  readonly book: Book
  readonly networks: Networks
  readonly io: IoLimits
}

export interface VmRequest {
  readonly vmId: string
  readonly rootfs: string
  readonly size: VmSize
  readonly diskMib: number
  readonly network: NetworkSpec
  /** Largest file Firecracker writes beside its disk, in MiB. */
  readonly fileMib?: number
  /** Let the guest speak to the serial port: slow, for a second try. */
  readonly console: boolean
}

export interface Vm {
  readonly names: VmNames
  readonly process: JailedProcess
  /** Lets go of it without ending it, for the next server to find; its scope is not closed then. */
  forget(): void
  /** Notes what its run is killed for, for whichever server sees the end. */
  noteKill(reason: KillReason): Promise<void>
}

/** A vm that was started here. */
export interface FreshVm extends Vm {
  /** The VMM's user on the host. */
  readonly uid: number
  readonly network: GuestNetwork
  readonly start: 'boot' | 'restore' | 'pool'
  /**
   * Milliseconds from InstanceStart to the guest's ready, or from the load of a snapshot to the agent's first word; of one
   * that was ready before, from the wish for it to its being given.
   */
  readonly bootMs: number
  /** The first session, where one had to be opened to know that the guest is there. */
  readonly session?: Session
}

/** A jailed Firecracker that has no vm yet, with all around it that the vm will need. */
export interface Placed {
  readonly names: VmNames
  readonly uid: number
  readonly network: GuestNetwork
  readonly process: JailedProcess
}

export type Starting = VmRequest & { readonly phases: Phases; readonly signal: AbortSignal }

export interface Placing {
  readonly files: JailFiles
  /** Called when the jail is there and before Firecracker is: for what has to wait in it. */
  readonly onJail?: (jail: { names: VmNames; uid: number }) => Promise<void>
}
/** For Firecracker to end after it was killed, in milliseconds. */
export const killDeadlineMs = 20_000
/** For the first answer of a connection; a lost first connection is dialed again. */
const helloDeadlineMs = 10_000

/** Makes everything around a vm and starts its Firecracker in there. Rejects with a VulcanError; the caller closes the scope. */
export async function placeVm(scope: Scope, host: VmHost, o: Starting & Placing): Promise<Placed> {
  const { phases, signal, files } = o
  const names = namesOf(host.places, o.vmId)
  const uid = host.book.uidOf(o.vmId)
  scope.defer('remove the cgroup', () => removeCgroup(names.cgroup, AbortSignal.timeout(killDeadlineMs)))
  const network = scope.inner('detach the network')
  const jail = scope.inner('remove the jail')
  const [guestNetwork] = await together(
    signal,
    (signal) =>
      phases.time('network', () =>
        host.networks.attach(network, { vmId: names.vmId, uid, gid: uid, spec: o.network, signal }),
      ),
    (signal: AbortSignal) =>
      phases.time('jail', () => prepareJail(jail, { run: host.spawner.run, names, uid, gid: uid, files, signal })),
  )
  await o.onJail?.({ names, uid })
  const process = await phases.time('jailer', () =>
    startJailed(scope, host, { ...o, names, uid, netns: guestNetwork.netns }),
  )
  return { names, uid, network: guestNetwork, process }
}

/** What is known of a vm that runs, whoever started it. */
export function living(host: VmHost, { names, process }: Pick<Vm, 'names' | 'process'>): Vm {
  const forget = () => {
    process.forget()
    host.book.forget(names.vmId)
  }
  return { names, process, forget, noteKill: (reason) => host.book.noteKill(names.vmId, reason) }
}

type Jailing = VmRequest & { names: VmNames; uid: number; netns: string; signal: AbortSignal }

async function startJailed(scope: Scope, host: VmHost, o: Jailing): Promise<JailedProcess> {
  const { names, uid } = o
  let process: JailedProcess | undefined
  scope.defer('kill Firecracker', () => kill(names, process))
  await mkdir(names.cgroup, { recursive: true })
  await limitIo(names.cgroup, names.root, host.io)
  process = await JailedProcess.start(
    {
      run: host.spawner.run,
      jailer: host.assets.jailer,
      firecracker: host.assets.firecracker,
      vmId: names.vmId,
      uid,
      gid: uid,
      chrootBase: jailBase(host.places),
      parentCgroup: parentCgroup(host.places),
      netns: o.netns,
      apiSocket: inJail.apiSocket,
      limits: hostLimitsOf(o.size, Math.max(o.diskMib, o.fileMib ?? 0)),
    },
    names,
    o.signal,
  )
  return process
}

/** Kills all of a vm and waits for its end. */
export async function kill(names: VmNames, process: JailedProcess | undefined): Promise<void> {
  await killAll(names.cgroup)
  if (!process) return
  await deadline(`the end of ${names.vmId}`, { timeoutMs: killDeadlineMs }, (s) => abortable(process.ended, s))
}

/** Opens a session with the agent in a vm, once. */
export function dialAgent(
  names: Pick<VmNames, 'vsock'>,
  limit: { timeoutMs: number; signal: AbortSignal },
): Promise<Session> {
  return deadline('the first answer of the agent', limit, async (inner) =>
    Session.open(await dial(names.vsock, agentPort, inner), inner),
  )
}

/** Opens a session with the vm's agent; a connection that ends before its hello is dialed again, once. */
export async function openSession(vm: Vm, signal: AbortSignal): Promise<Session> {
  const once = () => dialAgent(vm.names, { timeoutMs: helloDeadlineMs, signal })
  try {
    return await once()
  } catch (error) {
    if (!(error instanceof SessionLost) || signal.aborted) throw error
    return once()
  }
}

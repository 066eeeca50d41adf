/** The start of one vm, as named steps inside one scope: closing the scope ends the vm and removes all that was made for it. */
import { mkdir } from 'node:fs/promises'
import type { NetworkSpec } from '../backend/backend.ts'
import { VulcanError } from '../api/errors.ts'
import type { Scope } from '../base/scope.ts'
import { abortable, deadline } from '../base/time.ts'
import { together } from '../base/together.ts'
import type { Assets } from '../images/images.ts'
import { FirecrackerApi } from './api.ts'
import { Session, SessionLost } from './agent.ts'
import { bootArgs, hostLimitsOf, type VmSize } from './boot.ts'
import { killAll, limitIo, type IoLimits, removeCgroup } from './cgroup.ts'
import type { DiskTemplates } from './disks.ts'
import { prepareJail } from './jail.ts'
import { JailedProcess } from './jailer.ts'
import { agentPort, inJail, jailBase, namesOf, parentCgroup, type Places, type VmNames } from './names.ts'
import type { GuestNetwork, Networks } from './network/network.ts'
import type { Phases } from './phases.ts'
import { type Ready, waitForReady } from './ready.ts'
import type { Uids } from './uids.ts'
import { dial } from './vsock.ts'

/** What every vm of this host shares. */
export interface VmHost {
  readonly places: Places
  readonly assets: Assets
  readonly disks: DiskTemplates
  readonly uids: Uids
  readonly networks: Networks
  readonly io: IoLimits
}

export interface VmRequest {
  readonly runId: string
  readonly rootfs: string
  readonly size: VmSize
  readonly diskMib: number
  readonly network: NetworkSpec
  /** Let the guest speak to the serial port: slow, for a second try. */
  readonly console: boolean
}

export interface Vm {
  readonly names: VmNames
  readonly process: JailedProcess
  /** Lets go of it without ending it, for the next server to find; its scope is not closed then. */
  forget(): void
}

/** A vm that was started here. */
export interface FreshVm extends Vm {
  readonly network: GuestNetwork
  readonly ready: Ready
  /** Milliseconds from InstanceStart to the guest's ready. */
  readonly bootMs: number
}

/** From InstanceStart to ready, in milliseconds; 6 s are usual under emulation, 0.2 s on metal. */
const bootDeadlineMs = 90_000
/** For Firecracker to end after it was killed, in milliseconds. */
export const killDeadlineMs = 20_000
/** For the first answer of a connection; a lost first connection is dialed again. */
const helloDeadlineMs = 10_000

/** Starts a vm and waits until its agent is ready. Rejects with a VulcanError; the caller closes the scope. */
export async function startVm(
  scope: Scope,
  host: VmHost,
  o: VmRequest & { phases: Phases; signal: AbortSignal },
): Promise<FreshVm> {
  const { phases, signal } = o
  const names = namesOf(host.places, o.runId)
  const uid = host.uids.take(scope)
  scope.defer('remove the cgroup', () => removeCgroup(names.cgroup, AbortSignal.timeout(killDeadlineMs)))
  const network = scope.inner('detach the network')
  const jail = scope.inner('remove the jail')
  const [guestNetwork] = await together(
    signal,
    (signal) =>
      phases.time('network', () =>
        host.networks.attach(network, { vmId: names.vmId, uid, gid: uid, spec: o.network, signal }),
      ),
    (signal: AbortSignal) => phases.time('jail', () => makeJail(jail, host, { ...o, names, uid, signal })),
  )
  const ready = await waitForReady(scope, { vsock: names.vsock, uid, gid: uid })
  const process = await phases.time('jailer', () =>
    startJailed(scope, host, { ...o, names, uid, netns: guestNetwork.netns }),
  )
  await phases.time('configure', () => configure(names, o, guestNetwork))
  const begun = performance.now()
  const said = await phases.time('boot', () => boot(names, { process, ready: ready.said, signal }))
  const bootMs = performance.now() - begun
  return { ...living(host, { names, uid, process }), network: guestNetwork, ready: said, bootMs }
}

/** What is known of a vm that runs, whoever started it. */
export function living(host: VmHost, { names, uid, process }: Pick<Vm, 'names' | 'process'> & { uid: number }): Vm {
  const forget = () => {
    process.forget()
    host.uids.forget(uid)
  }
  return { names, process, forget }
}

type Making = VmRequest & { names: VmNames; uid: number; signal: AbortSignal }

async function makeJail(scope: Scope, host: VmHost, o: Making): Promise<void> {
  const files = {
    kernel: host.assets.kernel,
    initramfs: host.assets.initramfs,
    rootfs: o.rootfs,
    diskTemplate: await host.disks.of(o.diskMib),
  }
  await prepareJail(scope, { names: o.names, uid: o.uid, gid: o.uid, files, signal: o.signal })
}

async function startJailed(scope: Scope, host: VmHost, o: Making & { netns: string }): Promise<JailedProcess> {
  const { names, uid } = o
  let process: JailedProcess | undefined
  scope.defer('kill Firecracker', () => kill(names, process))
  await mkdir(names.cgroup, { recursive: true })
  await limitIo(names.cgroup, names.root, host.io)
  process = await JailedProcess.start(
    {
      jailer: host.assets.jailer,
      firecracker: host.assets.firecracker,
      vmId: names.vmId,
      uid,
      gid: uid,
      chrootBase: jailBase(host.places),
      parentCgroup: parentCgroup(host.places),
      netns: o.netns,
      apiSocket: inJail.apiSocket,
      limits: hostLimitsOf(o.size, o.diskMib),
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

/** Guest's context id; each vm has a socket of its own, so all can have the same. */
const guestCid = 3

async function configure(names: VmNames, o: VmRequest & { signal: AbortSignal }, network: GuestNetwork): Promise<void> {
  const api = await deadline('the API socket', { timeoutMs: killDeadlineMs, signal: o.signal }, (s) =>
    FirecrackerApi.open(names.apiSocket, s),
  )
  try {
    await api.putMachineConfig({ vcpu_count: o.size.vcpus, mem_size_mib: o.size.memMib })
    await api.putBootSource({
      kernel_image_path: inJail.kernel,
      initrd_path: inJail.initramfs,
      boot_args: bootArgs({ console: o.console }),
    })
    await api.putDrive({ drive_id: 'rootfs', path_on_host: inJail.rootfs, is_root_device: false, is_read_only: true })
    await api.putDrive({ drive_id: 'disk', path_on_host: inJail.disk, is_root_device: false, is_read_only: false })
    if (network.nic) {
      await api.putNetworkInterface({ iface_id: 'eth0', host_dev_name: network.nic.tap, guest_mac: network.nic.mac })
    }
    await api.putVsock({ guest_cid: guestCid, uds_path: inJail.vsock })
    await api.putEntropy()
  } finally {
    await api.close()
  }
}

async function boot(
  names: VmNames,
  o: { process: JailedProcess; ready: Promise<Ready>; signal: AbortSignal },
): Promise<Ready> {
  const lost = o.process.ended.then(async (): Promise<never> => {
    const words = await o.process.lastWords()
    throw new VulcanError('vm_start_failed', `Firecracker ended while the guest booted: ${words}`, { step: 'boot' })
  })
  lost.catch(() => undefined)
  return deadline(`the boot of ${names.vmId}`, { timeoutMs: bootDeadlineMs, signal: o.signal }, async (signal) => {
    const api = await FirecrackerApi.open(names.apiSocket, signal)
    try {
      await api.startInstance()
    } finally {
      await api.close()
    }
    return abortable(Promise.race([o.ready, lost]), signal)
  })
}

/** Opens a session with the vm's agent; a connection that ends before its hello is dialed again, once. */
export async function openSession(vm: Vm, signal: AbortSignal): Promise<Session> {
  const once = () =>
    deadline('the first answer of the agent', { timeoutMs: helloDeadlineMs, signal }, async (signal) =>
      Session.open(await dial(vm.names.vsock, agentPort, signal), signal),
    )
  try {
    return await once()
  } catch (error) {
    if (!(error instanceof SessionLost) || signal.aborted) throw error
    return once()
  }
}

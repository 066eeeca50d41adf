/** A vm that boots: kernel, initramfs, image and disk, until its guest says that it is ready. */
import type { Scope } from '../base/scope.ts'
import { abortable, deadline } from '../base/time.ts'
import { FirecrackerApi } from './api.ts'
import { bootArgs, nicOf } from './boot.ts'
import { closeJail } from './jail.ts'
import { inJail, type VmNames } from './names.ts'
import { type Ready, waitForReady } from './ready.ts'
import { type FreshVm, living, type Placed, placeVm, type Starting, type VmHost } from './vm.ts'

/** From InstanceStart to ready, in milliseconds; 6 s are usual under emulation, 0.2 s on metal. */
const bootDeadlineMs = 90_000

/** Starts a vm and waits until its agent is ready. Rejects with a VulcanError; the caller closes the scope. */
export async function bootVm(scope: Scope, host: VmHost, o: Starting): Promise<FreshVm> {
  const { phases, signal } = o
  const files = {
    shared: [
      [host.assets.kernel, inJail.kernel],
      [host.assets.initramfs, inJail.initramfs],
      [o.rootfs, inJail.rootfs],
    ],
    disk: await host.disks.of(o.diskMib),
  } as const
  let ready: Promise<Ready> | undefined
  const placed = await placeVm(scope, host, {
    ...o,
    files,
    onJail: async ({ names, uid }) => {
      ready = (await waitForReady(scope, { vsock: names.vsock, uid, gid: uid })).said
    },
  })
  const { names, network, process } = placed
  const during = (step: string, what: string, act: (signal: AbortSignal) => Promise<void>) =>
    phases.time(step, () => process.during({ step, what, signal }, act))
  await during('configure', 'it was configured', (inner) => configure(placed, { ...o, signal: inner }))
  const begun = performance.now()
  await during('boot', 'the guest booted', (inner) => boot(names, { ready, signal: inner }))
  const bootMs = performance.now() - begun
  await closeJail(names.root)
  return { ...living(host, placed), uid: placed.uid, network, start: 'boot', bootMs }
}

/** Guest's context id; each vm has a socket of its own, so all can have the same. */
const guestCid = 3

async function configure({ names, network }: Placed, o: Starting): Promise<void> {
  await FirecrackerApi.use(names.apiSocket, o.signal, async (api) => {
    await api.putMachineConfig({ vcpu_count: o.size.vcpus, mem_size_mib: o.size.memMib })
    await api.putBootSource({
      kernel_image_path: inJail.kernel,
      initrd_path: inJail.initramfs,
      boot_args: bootArgs({ console: o.console }),
    })
    await api.putDrive({ drive_id: 'rootfs', path_on_host: inJail.rootfs, is_root_device: false, is_read_only: true })
    await api.putDrive({ drive_id: 'disk', path_on_host: inJail.disk, is_root_device: false, is_read_only: false })
    if (network.nic) await api.putNetworkInterface(nicOf(network.nic))
    await api.putVsock({ guest_cid: guestCid, uds_path: inJail.vsock })
    await api.putEntropy()
  })
}

function boot(names: VmNames, o: { ready: Promise<Ready> | undefined; signal: AbortSignal }): Promise<void> {
  return deadline(`the boot of ${names.vmId}`, { timeoutMs: bootDeadlineMs, signal: o.signal }, async (signal) => {
    await FirecrackerApi.use(names.apiSocket, signal, (api) => api.startInstance())
    await abortable(Promise.resolve(o.ready), signal)
  })
}

/** What the host machine is made of: QEMU, a kernel with its initramfs, and a root file system. */
import { join } from 'node:path'
import { together } from '../base/together.ts'
import { ensureProgram, locateAsset } from './assets.ts'
import { ensureImage, locateImage } from './image.ts'
import { ensureInitramfs } from './initramfs.ts'
import { ensureMachineKernel } from './kernels.ts'
import { ensureQemu, locateQemu, type Qemu } from './qemu.ts'
import type { Workplace } from './shelf.ts'

export interface MachineAssets {
  readonly qemu: Qemu
  /** bzImage. */
  readonly kernel: string
  /** The same kernel as an ELF file, which QEMU starts without unpacking it under emulation. */
  readonly vmlinux: string
  readonly kernelVersion: string
  /** vulcan-machine as /init, and the kernel's modules. */
  readonly initramfs: string
  /** Read-only ext4. */
  readonly rootfs: string
}

/** Makes whatever of it is missing, side by side. */
export async function ensureMachineAssets(at: Workplace): Promise<MachineAssets> {
  await together(
    at.signal,
    (signal) => ensureQemu({ ...at, signal }),
    (signal) => ensureBoot({ ...at, signal }),
    (signal) => ensureImage({ ...at, signal }, 'machine'),
  )
  return locateMachineAssets(at.home)
}

/** Where it all is; nothing is made. Throws asset_unavailable or host_unfit when something is missing. */
export async function locateMachineAssets(home: string): Promise<MachineAssets> {
  const [qemu, kernel, initramfs, image] = await Promise.all([
    locateQemu(),
    locateAsset(home, 'machine-kernel'),
    locateAsset(home, 'machine-initramfs'),
    locateImage(home, 'machine'),
  ])
  return {
    qemu,
    kernel: join(kernel.dir, 'vmlinuz'),
    vmlinux: join(kernel.dir, 'vmlinux'),
    kernelVersion: String(kernel.marker.details['version']),
    initramfs: join(initramfs.dir, 'initramfs'),
    rootfs: image.rootfs,
  }
}

async function ensureBoot(at: Workplace): Promise<void> {
  const [kernel, init] = await together(
    at.signal,
    (signal) => ensureMachineKernel({ ...at, signal }),
    (signal) => ensureProgram({ ...at, signal }, 'machine'),
  )
  await ensureInitramfs(at, { name: 'machine-initramfs', kernel, init })
}

/** QEMU's command line, as a function of what the machine is to be. */

/** A folder of the host that the machine sees, read-only, under the place its init has for that tag. */
export interface Share {
  readonly tag: 'app' | 'assets' | 'images' | 'config'
  readonly path: string
}

export interface QemuOptions {
  /** The program: a path or a name in PATH. */
  readonly qemu: string
  /** Folder of QEMU's firmware, for a QEMU that is not installed in its usual place. */
  readonly firmware?: string | undefined
  /** Compressed or plain Linux kernel, initramfs with vulcan-machine as /init, ext4 image of the root file system. */
  readonly kernel: string
  readonly initramfs: string
  readonly rootfs: string
  /** Raw disk with an ext4 file system that outlives the machine's runs. */
  readonly dataDisk: string
  readonly memMib: number
  /**
   * Processors that run programs and vms. The machine has one more, its first, which takes interrupts only: in QEMU up to
   * at least 10.0, whenever another processor restores floating point registers, it writes back the first one's virtual
   * machine flags without a lock (cpu_clear_ignne). A vm on the first processor loses its nested paging or the machine
   * its interrupt flag that way, after minutes: a triple fault or a panic.
   */
  readonly cores: number
  readonly shares: readonly Share[]
  /** TCP port of 127.0.0.1 on the host, and the machine's port it leads to. */
  readonly forward: { readonly hostPort: number; readonly machinePort: number }
  /** True cuts the machine off from every network; the forwarded port still works. */
  readonly restrict: boolean
  /** Paths of the sockets QEMU makes, one a program that people run in the machine. */
  readonly execSockets: readonly string[]
}

/** MiB of translated code that an emulated machine keeps. */
const translatedMib = 1024

/** MiB that QEMU may come to take beside the machine's memory: translated code, and what else it needs. */
export const besideMib = translatedMib + 512

/** Descriptor of QEMU's end of the events port; vulcan-machine opens it. */
export const eventsFd = 3

/** The whole argv, program first. */
export function qemuArgv(o: QemuOptions): string[] {
  const words: readonly (readonly string[])[] = [
    [o.qemu],
    o.firmware === undefined ? [] : ['-L', o.firmware],
    // kvm_amd wants svm; nested paging comes with `max`. tb-size: guests that go on from one snapshot share its
    // pages and so their translation, and where it does not fit it is made again for each of them.
    // Measured at 160, 512 and 1024: a run in a vm that waits took 3.2, 1.7 and 1.2 s, one by a restore 14.4, 10.4 and
    // 7.5 s. A boot shares nothing and is a tenth slower at 1024 than at 160.
    ['-M', 'q35', '-accel', `tcg,thread=multi,tb-size=${translatedMib}`, '-cpu', 'max,+svm'],
    ['-smp', String(1 + o.cores), '-m', String(o.memMib)],
    ['-nodefaults', '-no-user-config', '-nographic', '-no-reboot'],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ['-kernel', o.kernel, '-initrd', o.initramfs, '-append', kernelWords],
    ['-drive', `if=none,id=root,format=raw,readonly=on,file=${escape(o.rootfs)}`],
    ['-device', 'virtio-blk-pci,drive=root'],
    ['-drive', `if=none,id=data,format=raw,discard=unmap,detect-zeroes=unmap,file=${escape(o.dataDisk)}`],
    ['-device', 'virtio-blk-pci,drive=data'],
    ['-netdev', netdev(o)],
    // Without its boot ROM: a start from the network would be tried for some seconds.
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    ['-device', 'virtio-rng-pci'],
    ['-device', `virtio-serial-pci,max_ports=${o.execSockets.length + 2}`],
    ['-chardev', `socket,id=events,fd=${eventsFd}`],
    ['-device', 'virtserialport,chardev=events,name=vulcan.events'],
    ...o.execSockets.flatMap(execPort),
    ...o.shares.flatMap(share),
  ]
  return words.flat()
}

// panic=-1 with -no-reboot ends QEMU when the kernel panics, which is what the keeper waits for. mitigations=off is for
// this emulated machine only: it shares no processor state with anybody, and each mitigation costs emulation.
// isolcpus=0: see `cores`.
const kernelWords = 'console=ttyS0 panic=-1 reboot=t quiet mitigations=off net.ifnames=0 isolcpus=0'

function netdev(o: QemuOptions): string {
  const { hostPort, machinePort } = o.forward
  return `user,id=net,ipv6=off,restrict=${o.restrict ? 'on' : 'off'},hostfwd=tcp:127.0.0.1:${hostPort}-:${machinePort}`
}

function execPort(path: string, i: number): string[][] {
  return [
    ['-chardev', `socket,id=exec${i},server=on,wait=off,path=${escape(path)}`],
    ['-device', `virtserialport,chardev=exec${i},name=vulcan.exec.${i}`],
  ]
}

function share(o: Share): string[][] {
  return [
    ['-fsdev', `local,id=${o.tag},security_model=none,readonly=on,multidevs=remap,path=${escape(o.path)}`],
    ['-device', `virtio-9p-pci,fsdev=${o.tag},mount_tag=${o.tag}`],
  ]
}

/** A comma ends a value in QEMU's options; two are one. */
function escape(path: string): string {
  return path.replaceAll(',', ',,')
}

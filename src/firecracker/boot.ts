/** What a vm is made of, from what the run asks for: pure arithmetic and the kernel's command line. */
import type { Resources } from '../backend/backend.ts'
import type { NetworkInterface, RateLimiter } from './api.ts'
import type { HostLimits } from './jailer.ts'

/** MiB on top of the program's memory: kernel, agent, and page cache enough to load a runtime. */
const guestOverheadMib = 112
/** MiB on top of the guest's memory that the host grants the VMM: itself, its tables, and cache of the files it reads. */
const vmmOverheadMib = 128
/** Firecracker's threads: API, one a vcpu, and what the kernel adds. */
const vmmThreads = 32

export interface VmSize {
  readonly vcpus: number
  readonly memMib: number
}

/** Firecracker takes 1 or an even number of vcpus only with hyper-threads; without, any number up to 32. */
export function sizeOf(resources: Resources): VmSize {
  return { vcpus: Math.max(1, Math.ceil(resources.cpus)), memMib: resources.memMib + guestOverheadMib }
}

export function hostLimitsOf(size: VmSize, diskMib: number): HostLimits {
  return {
    memoryBytes: (size.memMib + vmmOverheadMib) * (1 << 20),
    // A quarter of a core beside the vcpus, so that the VMM's own threads do not starve the guest.
    cpuQuotaUs: size.vcpus * 100_000 + 25_000,
    pids: vmmThreads + size.vcpus,
    fileBytes: (diskMib + 64) * (1 << 20),
  }
}

/** What a vm may send, and get, in each second: a gigabit, in 50,000 packets. */
const nicLimit: RateLimiter = {
  bandwidth: { size: 125_000_000, refill_time: 1000 },
  ops: { size: 50_000, refill_time: 1000 },
}

/** The vm's network interface. Its limits are part of a snapshot: vms that go on from one have them too. */
export const nicOf = ({ tap, mac }: { readonly tap: string; readonly mac: string }): NetworkInterface => ({
  iface_id: 'eth0',
  host_dev_name: tap,
  guest_mac: mac,
  rx_rate_limiter: nicLimit,
  tx_rate_limiter: nicLimit,
})

/**
 * Firecracker's own defaults less `nomodule` (the agent loads modules), with a quiet console. With `console` the guest
 * speaks to the serial port: slow, and only for finding out why a vm did not start.
 */
export function bootArgs(o: { console: boolean }): string {
  const common = [
    ...['reboot=k', 'panic=1', 'pci=off', 'i8042.noaux', 'i8042.nomux', 'i8042.dumbkbd', 'swiotlb=noforce'],
    ...['cryptomgr.notests', 'random.trust_cpu=on', 'ipv6.disable=1', 'net.ifnames=0'],
    ...['vulcan.root=/dev/vda', 'vulcan.disk=/dev/vdb'],
  ]
  const speech = o.console ? ['console=ttyS0', 'loglevel=6'] : ['8250.nr_uarts=0', 'quiet', 'loglevel=0']
  return [...common, ...speech].join(' ')
}

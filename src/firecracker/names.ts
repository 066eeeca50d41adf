/** Every outside name of a vm, as a pure function of instance and vm id: a crash at any step leaves names that cleanup can find. */
import { join } from 'node:path'

export interface VmNames {
  /** `<instance>-<12 hex>`: id of jail, cgroup, netns and CNI attachment; 64 characters of [A-Za-z0-9-] at most. */
  readonly vmId: string
  /** The jailer's folder for this vm. */
  readonly jail: string
  /** The vm's `/`. */
  readonly root: string
  readonly apiSocket: string
  /** Firecracker's end of the vsock on the host. */
  readonly vsock: string
  readonly cgroup: string
  /** What jailer, Firecracker and the guest's console say, on the host's side of the jail. */
  readonly words: string
}

export interface Places {
  readonly instance: string
  /** $VULCAN_HOME. */
  readonly home: string
  /** The cgroup in which the vms' own is made, as /proc/self/cgroup would tell it; the root when absent. */
  readonly cgroup?: string
}

/** Name of the folder the jailer makes below its base: the base name of the executable. */
const jailFolder = 'firecracker'
export const cgroupRoot = '/sys/fs/cgroup'

/** Port on which the guest's agent listens, and port of the host to which it says that it is ready. */
export const agentPort = 1024
export const readyPort = 1025

/** Paths inside the jail, as the API of Firecracker is told them. */
export const inJail = {
  apiSocket: '/run/api.sock',
  vsock: '/run/v.sock',
  kernel: '/kernel',
  initramfs: '/initramfs',
  rootfs: '/rootfs.ext4',
  disk: '/disk.ext4',
  memory: '/memory',
  state: '/state',
} as const

export function namesOf(places: Places, vmId: string): VmNames {
  const jail = join(jailsOf(places), vmId)
  const root = join(jail, 'root')
  return {
    vmId,
    jail,
    root,
    apiSocket: join(root, inJail.apiSocket),
    vsock: join(root, inJail.vsock),
    cgroup: join(cgroupsOf(places), vmId),
    words: join(jail, 'words'),
  }
}

/** What the jailer is given as --chroot-base-dir. */
export const jailBase = (places: Places): string => join(places.home, 'jails')
/** Folder that holds one jail for each vm. */
export const jailsOf = (places: Places): string => join(jailBase(places), jailFolder)
/** What the jailer is given as --parent-cgroup: relative to the root. */
export const parentCgroup = (places: Places): string => join(places.cgroup ?? '/', `vulcan-${places.instance}`).slice(1)
/** Folder of cgroup v2 that holds one cgroup for each vm. */
export const cgroupsOf = (places: Places): string => join(cgroupRoot, parentCgroup(places))
/** Every folder that may hold them: a server that was started in another way, by hand or as a service, had the other one. */
export const allCgroupsOf = (places: Places): string[] => [
  ...new Set([cgroupsOf(places), cgroupsOf({ instance: places.instance, home: places.home })]),
]
/** True for names of vms of this instance, and of no other. */
export const isOurs = (places: Places, name: string): boolean =>
  new RegExp(`^${places.instance}-[0-9a-f]{12}$`).test(name)

/** Of what is gone with a reboot, together with the vms; on a tmpfs. */
export const volatileOf = (instance: string): string => `/run/vulcan-${instance}`

/** Longest path of a unix socket on Linux, in bytes (sun_path less its end). */
const longestSocketPath = 107

/** Why this home cannot be used, if it cannot: the vsock's socket would have too long a path. */
export function homeTooLong(places: Places): string | undefined {
  const longest = `${namesOf(places, `${places.instance}-${'0'.repeat(12)}`).vsock}_${readyPort}`
  const over = Buffer.byteLength(longest) - longestSocketPath
  return over > 0
    ? `the path of the home folder is ${over} bytes too long for a vm's sockets: ${places.home}`
    : undefined
}

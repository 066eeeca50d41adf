/** Puts the backend together from settings and files: what all its vms share is made once, here. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256 } from '../base/files.ts'
import { Spawner } from '../base/spawner.ts'
import type { Assets, Image } from '../images/images.ts'
import { FirecrackerBackend, type FirecrackerOptions } from './backend.ts'
import { Book } from './book.ts'
import { prepareParent } from './cgroup.ts'
import { DiskTemplates } from './disks.ts'
import { cgroupsOf, homeTooLong, jailsOf, volatileOf } from './names.ts'
import { chooseSubnet } from './network/bridge.ts'
import { hostBy } from './network/host.ts'
import { Networks } from './network/network.ts'
import { Uids } from './uids.ts'
import type { VmHost } from './vm.ts'

export interface OpenOptions extends Pick<FirecrackerOptions, 'trouble'> {
  /** [a-z0-9]{1,12}: prefix of every name outside. */
  readonly instance: string
  /** $VULCAN_HOME; its file system must allow devices and programs. */
  readonly home: string
  /** Name of this node, for records. */
  readonly node: string
  readonly assets: Assets
  readonly runtimes: readonly string[]
  readonly image: (runtime: string) => Promise<Image>
  /** Addresses of the vms; without one, the first block that nobody else on this host has. */
  readonly subnet?: string
  readonly nameservers: readonly string[]
  /** Vms go on from snapshots where they can. */
  readonly templates: boolean
  /** Absent, no vm is made before it is asked for. */
  readonly pool?: { readonly most: number; readonly memMib: number }
  /** The cgroup in which those of vms are made, as /proc/self/cgroup would tell it; the root when absent. */
  readonly cgroup?: string
}

/**
 * Uids of an instance's vms: far above those of people, services and containers, and in a block that another instance on
 * this host is unlikely to have.
 */
export function uidRangeOf(instance: string): { first: number; count: number } {
  const block = parseInt(sha256(instance).slice(0, 8), 16) % 40_000
  return { first: 1_200_000_000 + block * 65_536, count: 65_536 }
}

/** What one vm may take of the disk below $VULCAN_HOME, in bytes a second. */
const io = { readBytesPerS: 500 * 2 ** 20, writeBytesPerS: 200 * 2 ** 20 }

export async function openFirecracker(o: OpenOptions): Promise<FirecrackerBackend> {
  return FirecrackerBackend.open({
    host: await openHost(o),
    ...(o.templates && { templates: join(o.home, 'templates') }),
    ...(o.pool && { pool: o.pool }),
    node: o.node,
    runtimes: o.runtimes,
    image: o.image,
    trouble: o.trouble,
  })
}

export type HostOptions = Pick<OpenOptions, 'instance' | 'home' | 'assets' | 'subnet' | 'nameservers' | 'cgroup'>

/** What all vms of an instance share, prepared: folders, the parent cgroup, bridge and firewall table. */
export async function openHost(o: HostOptions): Promise<VmHost> {
  await using undo = new AsyncDisposableStack()
  const spawner = undo.use(new Spawner(o.assets.spawner))
  const host = hostBy(spawner.run)
  const networks = new Networks({
    instance: o.instance,
    cniPlugins: o.assets.cniPlugins,
    tapPlugin: o.assets.tapPlugin,
    stateDir: join(volatileOf(o.instance), 'network'),
    subnet: o.subnet ?? (await chooseSubnet({ instance: o.instance, host })),
    nameservers: o.nameservers,
    host,
  })
  const places = { instance: o.instance, home: o.home, ...(o.cgroup && { cgroup: o.cgroup }) }
  const unfit = homeTooLong(places)
  if (unfit) throw new VulcanError('host_unfit', unfit, { step: 'home' })
  await mkdir(jailsOf(places), { recursive: true, mode: 0o711 })
  await prepareParent(cgroupsOf(places))
  await networks.prepare()
  const disks = new DiskTemplates(join(o.home, 'disks'))
  const book = await Book.open({
    places,
    folder: join(volatileOf(o.instance), 'vms'),
    uids: new Uids(uidRangeOf(o.instance)),
    isNetworked: (vmId) => networks.has(vmId),
  })
  undo.move()
  return { spawner, places, assets: o.assets, disks, book, networks, io }
}

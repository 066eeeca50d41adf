/** What the networks of vms are made of on the host, as it is found there by its names, whoever made it. */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Leftover } from '../../backend/backend.ts'
import { isMissing, namesIn, textIn } from '../../base/files.ts'
import { CommandFailed } from '../../base/process.ts'
import { isAddress } from './addresses.ts'
import type { Host } from './host.ts'

/** A thing of ours on the host. One that belongs to no vm's id says itself how it is removed. */
export interface Thing extends Pick<Leftover, 'kind' | 'name' | 'why' | 'since'> {
  readonly vmId?: string
  readonly remove?: () => Promise<void>
}

/** A file or folder as a thing, since it is there; none where it has gone meanwhile. */
export async function fileThing(path: string, thing: Omit<Thing, 'name' | 'since'>): Promise<Thing[]> {
  try {
    return [{ ...thing, name: path, since: Math.round((await stat(path)).mtimeMs) }]
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** host-local writes a lease's file before what is in it, in milliseconds: an older one without an id is half made. */
const leaseMadeMs = 60_000

/** Leases of host-local: one file for each address, whose first line is the container's id. */
export async function leases(folder: string, isOurs: (vmId: string) => boolean): Promise<Thing[]> {
  const files = (await namesIn(folder)).filter(isAddress).map((address) => join(folder, address))
  const found = await Promise.all(
    files.map(async (path): Promise<Thing[]> => {
      const vmId = (await textIn(path))?.split(/\r?\n/)[0]
      const why = `a lease of this instance's network`
      if (vmId === undefined) return []
      if (isOurs(vmId)) return fileThing(path, { kind: 'lease', why, vmId })
      const half = { kind: 'lease', why: `${why}, for no vm`, remove: () => rm(path, { force: true }) } as const
      return (await fileThing(path, half)).filter(({ since = Infinity }) => since < Date.now() - leaseMadeMs)
    }),
  )
  return found.flat()
}

/** Takes back what host-local does not know again, as it was cut short: it wants every byte as it writes them. */
export async function freeLeases(folder: string, vmId: string): Promise<void> {
  const found = await leases(folder, (id) => id === vmId)
  for (const lease of found) if (lease.vmId !== undefined) await rm(lease.name, { force: true })
}

interface Link {
  readonly ifname: string
  readonly link_netnsid?: number
}

const timeoutMs = 20_000
/** What the bridge plugin calls a port. */
const portName = /^veth[0-9a-f]{8}$/

export interface PortsOptions {
  readonly host: Host
  readonly bridge: string
  /** Vm ids by their ports, as far as they are known without asking. */
  readonly known: ReadonlyMap<string, string>
  readonly isOurs: (name: string) => boolean
}

/**
 * Ports of our bridge. Whose one is that nobody knows yet says the namespace of its other end, which has its name for as
 * long as the port is there: one that is there before and after its namespace was not found is nobody's.
 */
export async function ports(o: PortsOptions): Promise<Thing[]> {
  const why = `a port of the bridge ${o.bridge}`
  const links = await linksOf(o)
  const thingOf = ({ ifname: name }: Link, vmId: string): Thing => ({ kind: 'veth', name, why, vmId })
  const found = links.flatMap((link) => {
    const vmId = o.known.get(link.ifname)
    return vmId === undefined ? [] : [thingOf(link, vmId)]
  })
  const unknown = links.filter(({ ifname }) => !o.known.has(ifname))
  if (unknown.length === 0) return found
  const names = await namespacesById(o.host)
  const still = new Set((await linksOf(o)).map(({ ifname }) => ifname))
  const rest = unknown.map((link): Thing => {
    const vmId = link.link_netnsid === undefined ? undefined : names.get(link.link_netnsid)
    if (vmId !== undefined && o.isOurs(vmId)) return thingOf(link, vmId)
    const remove = () => removeLink(o.host, link.ifname)
    return { kind: 'veth', name: link.ifname, why: `${why}, with no vm at its other end`, remove }
  })
  return [...found, ...rest.filter(({ name }) => still.has(name))]
}

async function linksOf({ host, bridge }: PortsOptions): Promise<Link[]> {
  try {
    const { stdout } = await host.run(['ip', '-j', 'link', 'show', 'master', bridge, 'type', 'veth'], { timeoutMs })
    // Where there are none, iproute2 says nothing, or a list of nothing.
    return (JSON.parse(stdout || '[]') as Partial<Link>[]).filter((link): link is Link =>
      portName.test(link.ifname ?? ''),
    )
  } catch (error) {
    if (error instanceof CommandFailed && /does not exist|Cannot find device/.test(error.stderr)) return []
    throw error
  }
}

/** Names of namespaces by the numbers that this one knows them by. */
async function namespacesById(host: Host): Promise<ReadonlyMap<number, string>> {
  const { stdout } = await host.run(['ip', '-j', 'netns', 'list'], { timeoutMs })
  const all = JSON.parse(stdout || '[]') as { name: string; id?: number }[]
  return new Map(all.flatMap(({ name, id }) => (id === undefined ? [] : [[id, name]])))
}

async function removeLink(host: Host, name: string): Promise<void> {
  try {
    await host.run(['ip', 'link', 'delete', 'dev', name], { timeoutMs })
  } catch (error) {
    if (!(error instanceof CommandFailed) || !error.stderr.includes('Cannot find device')) throw error
  }
}

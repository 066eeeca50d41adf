/** What a workload's `allow` opens: its host names are looked up here, once, and the guest is told the same addresses. */
import { VulcanError } from '../../api/errors.ts'
import type { NetworkSpec } from '../../backend/backend.ts'
import { abortable, deadline } from '../../base/time.ts'
import { type Cidr, disjoint, isRefused, parseAllow, within } from './addresses.ts'
import type { Host } from './host.ts'

export interface Allowed {
  /** Blocks that are open; none of them contains another. */
  readonly blocks: readonly Cidr[]
  /** Each host name of the list with its open addresses. */
  readonly hosts: Readonly<Record<string, readonly string[]>>
}

/** For all names of one workload, in milliseconds. */
const lookupMs = 10_000

/** Reads and resolves the list. Throws `invalid_field` with the path of the entry at fault. */
export async function allowed(host: Host, spec: NetworkSpec, signal: AbortSignal): Promise<Allowed> {
  if (!isListed(spec)) return { blocks: [], hosts: {} }
  const entries = spec.allow.map(parseAllow)
  const found = await deadline('looking up the names of network.allow', { timeoutMs: lookupMs, signal }, (signal) =>
    Promise.all(
      entries.map(async (entry, index) =>
        entry.kind === 'block' ? [entry.cidr] : addressesOf(host, { name: entry.name, index, signal }),
      ),
    ),
  )
  const hosts: Record<string, readonly string[]> = {}
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'name') hosts[entry.name] = (found[index] ?? []).map((cidr) => cidr.replace('/32', ''))
  }
  return { blocks: disjoint(found.flat()), hosts }
}

/** True when only what is listed may be reached. */
export const isListed = (spec: NetworkSpec): boolean => spec.mode === 'internet' && spec.allow.length > 0

/** The name servers that a guest may ask: with a list, only those on it, since a query can carry anything out. */
export const nameserversFor = (spec: NetworkSpec, blocks: readonly Cidr[], all: readonly string[]): string[] => {
  if (spec.mode !== 'internet') return []
  if (!isListed(spec)) return [...all]
  const servers = all.map((address) => ({ address, cidr: `${address}/32` }))
  return servers
    .filter(({ cidr }) => !isRefused(cidr) && blocks.some((block) => within(block, cidr)))
    .map(({ address }) => address)
}

async function addressesOf(host: Host, o: { name: string; index: number; signal: AbortSignal }): Promise<Cidr[]> {
  const details = { field: `/network/allow/${o.index}`, step: 'allow' }
  let addresses: string[]
  try {
    addresses = await abortable(host.resolve(o.name), o.signal)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ENOTFOUND' && code !== 'ENODATA') throw cause
    throw new VulcanError('invalid_field', `network.allow: the name "${o.name}" has no IPv4 address`, {
      ...details,
      cause,
    })
  }
  const open = [...new Set(addresses)].map((address) => `${address}/32`).filter((cidr) => !isRefused(cidr))
  if (open.length > 0) return open
  const what = `"${o.name}" is at ${addresses.join(', ')}, in a range that no guest reaches`
  throw new VulcanError('invalid_field', `network.allow: ${what}`, details)
}

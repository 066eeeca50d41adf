/** What a server and its node hold now, as numbers that must not grow. */
import { Scrape } from '../../src/server/metrics/testing.ts'
import { nodeHome, onNode, server } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'

export const held = [
  'server memory, MiB',
  'server descriptors',
  'leftovers',
  'processes',
  'cgroups',
  'network namespaces',
  'mounts',
  'lines of the firewall',
  'files of the server',
] as const
/** Of these a server at rest has as many after any number of runs as before the first. */
export const counted = ['leftovers', 'cgroups', 'network namespaces', 'mounts', 'lines of the firewall'] as const
export type Held = Readonly<Record<(typeof held)[number], number>>

/** Files but for those of runs, which stay as long as the settings say. */
const script = (home: string) => `
  pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' ${home}/server.json)
  echo $(ls /proc/$pid/fd | wc -l)
  echo $(ls -d /proc/[0-9]* | wc -l)
  echo $(find /sys/fs/cgroup -type d | wc -l)
  echo $(ls /run/netns | wc -l)
  echo $(wc -l </proc/self/mountinfo)
  echo $(nft list ruleset | wc -l)
  echo $(find ${home} /run/vulcan-* -path ${home}/runs -prune -o -type f -print | wc -l)`

/** Undefined where the server is just away. */
export async function look(): Promise<Held | undefined> {
  try {
    const { url, key } = await server()
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
    if (!answer.ok) return undefined
    const metrics = new Scrape(await answer.text())
    const counts = (await onNode(script(await nodeHome()))).trim().split('\n').map(Number)
    const [descriptors, processes, cgroups, namespaces, mounts, rules, files] = counts as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return {
      'server memory, MiB': (metrics.sum('process_resident_memory_bytes') ?? NaN) / 2 ** 20,
      'server descriptors': descriptors,
      leftovers: metrics.sum('vulcan_leftovers') ?? NaN,
      processes,
      cgroups,
      'network namespaces': namespaces,
      mounts,
      'lines of the firewall': rules,
      'files of the server': files,
    }
  } catch {
    return undefined
  }
}

/** A look at a server that may be away for a while. */
export const surelyLook = (): Promise<Held> => eventually('a server to look at', look)

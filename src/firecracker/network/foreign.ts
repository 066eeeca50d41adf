/** What others on this host do to guests' packets. */
import { CommandFailed } from '../../base/process.ts'
import { type Host, thisHost } from './host.ts'
import { Nft } from './nft.ts'
import { tableOf } from './rules.ts'

/**
 * Chains of others (`family table name`) that would drop guests' packets on their way through this host; for doctor.
 * Where nft is missing or may not be asked, nobody can tell: then there are none.
 */
export async function foreignDrops(o: { instance: string; host?: Host }): Promise<string[]> {
  try {
    return foreignDropsOf(await new Nft(o.host ?? thisHost).list('chains'), o.instance)
  } catch (error) {
    if (error instanceof CommandFailed) return []
    throw error
  }
}

/** Base chains of others that drop what they do not know on the way through this host, such as Docker's FORWARD. */
export function foreignDropsOf(json: string, instance: string): string[] {
  type Chain = { family: string; table: string; name: string; hook?: string; policy?: string }
  const answer = JSON.parse(json) as { nftables: { chain?: Chain }[] }
  return answer.nftables
    .flatMap((item) => (item.chain ? [item.chain] : []))
    .filter(
      (c) => c.hook === 'forward' && c.policy === 'drop' && c.family !== 'bridge' && c.table !== tableOf(instance),
    )
    .map((c) => `${c.family} ${c.table} ${c.name}`)
}

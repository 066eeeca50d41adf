/** What others on this host do to guests' packets. */
import { CommandFailed } from '../../base/process.ts'
import { type Host, thisHost } from './host.ts'
import { foreignDropsOf } from './rules.ts'

const timeoutMs = 20_000

/**
 * Chains of others (`family table name`) that would drop guests' packets on their way through this host; for doctor.
 * Where nft is missing or may not be asked, nobody can tell: then there are none.
 */
export async function foreignDrops(o: { instance: string; host?: Host }): Promise<string[]> {
  try {
    const { stdout } = await (o.host ?? thisHost).run(['nft', '-j', 'list', 'chains'], { timeoutMs })
    return foreignDropsOf(stdout, o.instance)
  } catch (error) {
    if (error instanceof CommandFailed) return []
    throw error
  }
}

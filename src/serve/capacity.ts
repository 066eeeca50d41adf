/** What this node bears, by its settings and its disk. */
import { freeMib } from '../base/files.ts'
import type { Config } from '../config.ts'
import type { Capacity } from '../store/leases.ts'

/** Left to templates, output and archives where nobody says how much disk vms may have, in MiB. */
const leftMib = 1024

export async function capacityOf(config: Config): Promise<Capacity> {
  return {
    vms: config['concurrency.vms'],
    starting: config['concurrency.starting'],
    cpus: config['concurrency.cpus'],
    memMib: config['concurrency.mem_mb'],
    // What vms that live on have written is not free, and counted again with them: on the safe side, until the next start.
    diskMib: config['concurrency.disk_mb'] || Math.max(0, (await freeMib(config.home)) - leftMib),
    // MiB a vm takes on top of its program: guest kernel, agent, page cache floor and the VMM itself.
    overheadMib: 96,
  }
}

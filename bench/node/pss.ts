/** Memory of a vm on the host. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { VmNames } from '../../src/firecracker/names.ts'

/** MiB that are a vm's own, and its share of what it has in common with others. */
export async function pssMib(names: VmNames): Promise<number> {
  const [pid = ''] = (await readFile(join(names.cgroup, 'cgroup.procs'), 'utf8')).split('\n')
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024
}

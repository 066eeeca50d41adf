/** Removes what vms of this instance have left: after a crash of ours, or of a step. Nothing of anyone else is touched. */
import { join } from 'node:path'
import type { Cleaned, CleanupOptions, Keep } from '../backend/backend.ts'
import { namesIn } from '../base/files.ts'
import { killAll, removeCgroup } from './cgroup.ts'
import { removeJail } from './jail.ts'
import { allCgroupsOf, isOurs, jailsOf, type Places } from './names.ts'
import type { Networks } from './network/network.ts'

const emptyDeadlineMs = 20_000

/** Removes everything of vms that are not in `keep`, in the order in which a vm is taken down. */
export async function cleanup(
  { places, networks }: { places: Places; networks: Networks },
  keep: Keep,
  o: CleanupOptions = {},
): Promise<Cleaned> {
  const left = async (folder: string) =>
    (await namesIn(folder)).filter((name) => isOurs(places, name) && !keep.has(name))
  const cgroups: string[] = []
  for (const folder of allCgroupsOf(places)) cgroups.push(...(await left(folder)).map((name) => join(folder, name)))
  if (o.dryRun) {
    const jails = await left(jailsOf(places))
    return { cgroups: cgroups.length, jails: jails.length, ...(await networks.cleanup(keep, o)) }
  }
  for (const cgroup of cgroups) await killAll(cgroup)
  for (const cgroup of cgroups) await removeCgroup(cgroup, AbortSignal.timeout(emptyDeadlineMs))
  const network = await networks.cleanup(keep)
  const jails = await left(jailsOf(places))
  for (const name of jails) await removeJail(join(jailsOf(places), name))
  return { cgroups: cgroups.length, jails: jails.length, ...network }
}

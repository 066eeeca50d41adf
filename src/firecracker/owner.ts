/** Whose a vm is, written beside its jail before the run's program gets there: a later server finds the run's vm by it. */
import { writeFile } from 'node:fs/promises'
import { namesIn, textIn } from '../base/files.ts'
import { isOurs, jailsOf, namesOf, type Places, type VmNames } from './names.ts'

/** Gives a vm to a run, which it then serves alone and to its end. */
export async function giveTo(names: VmNames, runId: string): Promise<void> {
  // Not fsynced: what would lose it ends the vm as well.
  await writeFile(names.owner, runId, { flag: 'wx', mode: 0o600 })
}

/** Vm ids of this instance by the runs that have them. */
export async function owned(places: Places): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const vmId of await namesIn(jailsOf(places))) {
    // Ready vms have no owner yet, and a jail may go while it is looked at.
    const runId = isOurs(places, vmId) ? await textIn(namesOf(places, vmId).owner) : undefined
    if (runId !== undefined) found.set(runId, vmId)
  }
  return found
}

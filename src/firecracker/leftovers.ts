/** What of ours is on this host and has no owner: after a crash of ours, or an undo that failed. Nothing of anyone else. */
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { CleanupOptions, Keep, Leftover } from '../backend/backend.ts'
import { namesIn, textIn } from '../base/files.ts'
import type { Spawner } from '../base/spawner.ts'
import { type Book, whoseIs } from './book.ts'
import { killAll, pidsIn, removeCgroup } from './cgroup.ts'
import { mountsBelow, removeJail } from './jail.ts'
import { allCgroupsOf, isOurs, jailsOf, namesOf, type Places } from './names.ts'
import type { Networks } from './network/network.ts'
import { fileThing, type Thing } from './network/things.ts'
import { messageOf } from '../base/words.ts'

export interface Sweeping {
  readonly places: Places
  readonly networks: Networks
  readonly book: Book
  readonly spawner: Pick<Spawner, 'run'>
  /** Files that are nobody's vm's. */
  readonly files: () => Promise<readonly Thing[]>
}

const emptyDeadlineMs = 20_000

/**
 * Removes what has no owner, vm by vm in the order in which one is taken down; a failure keeps nothing else from its turn.
 * What was removed is what is not found any more; the rest has its trouble.
 */
export async function cleanup(o: Sweeping, keep: Keep, { dryRun }: CleanupOptions = {}): Promise<readonly Leftover[]> {
  const found = await ownerless(o, keep)
  if (dryRun) return found.map((thing) => leftoverOf(thing, o.book))
  const troubles = new Map<string, string>()
  const note = (name: string) => (error: unknown) => void troubles.set(name, messageOf(error))
  const vmIds = [...new Set([...found.flatMap(({ vmId }) => vmId ?? []), ...unheld(o.book, keep)])]
  // All at once, as each takes its time to end.
  for (const vmId of vmIds) for (const cgroup of cgroupsOf(o.places, vmId)) await killAll(cgroup).catch(note(vmId))
  for (const vmId of vmIds) await removeVm(o, vmId).catch(note(vmId))
  for (const { name, remove } of found) await remove?.().catch(note(name))
  const left = await ownerless(o, keep)
  const told = found.map((thing) => {
    const leftover = leftoverOf(thing, o.book)
    if (!left.some(({ kind, name }) => kind === thing.kind && name === thing.name)) return leftover
    return { ...leftover, trouble: troubles.get(thing.vmId ?? thing.name) ?? 'it is there still' }
  })
  // With nothing of it left, its uid is another's from now on.
  for (const vmId of vmIds) if (!left.some((thing) => thing.vmId === vmId)) await o.book.strike(vmId)
  return told
}

function leftoverOf({ kind, name, why, vmId, since }: Thing, book: Book): Leftover {
  const entry = vmId === undefined ? undefined : book.entries.get(vmId)
  const from = entry?.owner.kind === 'unknown' ? since : (entry?.since ?? since)
  return { kind, name, why, owner: whoseIs(entry), ...(from !== undefined && { since: from }) }
}

/** A vm that begins or ends while it is looked at is held before or after the look. */
async function ownerless(o: Sweeping, keep: Keep): Promise<Thing[]> {
  const before = new Set(o.book.held)
  const things = await thingsOf(o)
  const isOwned = (vmId: string) => before.has(vmId) || isHeld(o.book, keep, vmId)
  return things.filter(({ vmId }) => vmId === undefined || !isOwned(vmId))
}

/** By us, or for the run that it was given to. */
function isHeld(book: Book, keep: Keep, vmId: string): boolean {
  const run = book.entries.get(vmId)?.run
  return book.held.has(vmId) || (run !== undefined && keep.has(run))
}

/** Vms in the book of which there may be nothing at all. */
function unheld(book: Book, keep: Keep): string[] {
  return [...book.entries.keys()].filter((vmId) => !isHeld(book, keep, vmId))
}

const cgroupsOf = (places: Places, vmId: string): string[] => allCgroupsOf(places).map((folder) => join(folder, vmId))

async function removeVm({ places, networks, spawner }: Sweeping, vmId: string): Promise<void> {
  for (const cgroup of cgroupsOf(places, vmId)) await removeCgroup(cgroup, AbortSignal.timeout(emptyDeadlineMs))
  await networks.remove(vmId)
  await removeJail(spawner.run, namesOf(places, vmId).jail)
}

async function thingsOf(o: Sweeping): Promise<Thing[]> {
  const { places, networks, files } = o
  return (await Promise.all([cgroups(places), networks.things(), mounts(places), jails(places), files()])).flat()
}

async function cgroups(places: Places): Promise<Thing[]> {
  const found: Thing[] = []
  for (const folder of allCgroupsOf(places)) {
    for (const vmId of (await namesIn(folder)).filter((name) => isOurs(places, name))) {
      const cgroup = join(folder, vmId)
      found.push(...(await processes(cgroup, vmId)))
      const why = `in this instance's cgroup ${basename(folder)}`
      found.push(...(await fileThing(cgroup, { kind: 'cgroup', why, vmId })))
    }
  }
  return found
}

async function processes(cgroup: string, vmId: string): Promise<Thing[]> {
  const pids = await pidsIn(cgroup)
  const why = `in the cgroup of the vm ${vmId}`
  const named = pids.map(async (pid): Promise<Thing> => {
    const program = (await textIn(`/proc/${pid}/comm`))?.trim() ?? 'ended'
    return { kind: 'process', name: `${pid} (${program})`, why, vmId }
  })
  return Promise.all(named)
}

async function mounts(places: Places): Promise<Thing[]> {
  const folder = jailsOf(places)
  return mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder).flatMap((name): Thing[] => {
    const [vmId = ''] = relative(folder, name).split('/')
    return isOurs(places, vmId) ? [{ kind: 'mount', name, why: `in the jail of the vm ${vmId}`, vmId }] : []
  })
}

async function jails(places: Places): Promise<Thing[]> {
  const vmIds = (await namesIn(jailsOf(places))).filter((name) => isOurs(places, name))
  const found = vmIds.map((vmId) => {
    const { jail } = namesOf(places, vmId)
    return fileThing(jail, { kind: 'jail', why: `in ${dirname(jail)}, named as this instance's vms`, vmId })
  })
  return (await Promise.all(found)).flat()
}

/** The disk of the home: there has to be room, or what comes is refused and what runs loses its output. */
import { VulcanError } from '../api/errors.ts'
import { freeMib } from '../base/files.ts'

/** MiB in which the outputs of some runs that just go on find room. */
const leastRoomMib = 16

/** Throws host_unfit where the disk of that home has no room for so many MiB more beside the outputs of what runs. */
export async function expectRoom(home: string, moreMib = 0): Promise<void> {
  const left = await freeMib(home)
  const needed = leastRoomMib + moreMib
  if (left >= needed) return
  throw new VulcanError('host_unfit', `the disk of $VULCAN_HOME has ${left} MiB left: ${needed} are needed`, {
    hint: 'make room there; vulcan gc removes what was kept too long',
  })
}

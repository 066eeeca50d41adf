/** Images for runs: looked up each time, and read only where another one is in use. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../base/files.ts'
import { locateImage } from './image.ts'
import type { Image } from './images.ts'

/** As `locateImage` for that $VULCAN_HOME. */
export function imagesInUse(home: string): (name: string) => Promise<Image> {
  const known = new Map<string, { readonly image: Image; readonly stamp: string }>()
  const current = join(home, 'images', 'current.json')
  return async (name) => {
    const one = known.get(name)
    const [using, rootfs] = await Promise.all([stampOf(current), one && stampOf(one.image.rootfs)])
    if (one && rootfs !== undefined && one.stamp === `${using} ${rootfs}`) return one.image
    // What changes from here on is another one than `using`, and seen the next time.
    const image = await locateImage(home, name)
    known.set(name, { image, stamp: `${using} ${await stampOf(image.rootfs)}` })
    return image
  }
}

/** Another one for each file that was ever there; undefined where none is. */
async function stampOf(path: string): Promise<string | undefined> {
  const found = await unlessMissing(stat(path, { bigint: true }))
  return found && `${found.dev}:${found.ino} ${found.size} ${found.mtimeNs}`
}

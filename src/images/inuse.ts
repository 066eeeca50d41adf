/** Images for runs: looked up each time, and read only where another one is in use. */
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unlessMissing } from '../base/files.ts'
import { locateImage } from './image.ts'
import type { Image } from './images.ts'
import { markerFile } from './shelf.ts'

/** As `locateImage` for that $VULCAN_HOME. */
export function imagesInUse(home: string): (name: string) => Promise<Image> {
  const known = new Map<string, { readonly image: Image; readonly stamp: string }>()
  const current = join(home, 'images', 'current.json')
  return async (name) => {
    const one = known.get(name)
    const [using, whole] = await Promise.all([stampOf(current), one && stampOfImage(one.image)])
    if (one && whole !== undefined && one.stamp === `${using} ${whole}`) return one.image
    const image = await locateImage(home, name)
    // The files of an image are never other ones under their names, and which is in use is `using` or looked up again.
    known.set(name, { image, stamp: `${using} ${await stampOfImage(image)}` })
    return image
  }
}

/** Undefined where one of the files is missing that tell whether it is whole. */
async function stampOfImage({ rootfs }: Image): Promise<string | undefined> {
  const stamps = await Promise.all([stampOf(rootfs), stampOf(join(dirname(rootfs), markerFile))])
  return stamps.includes(undefined) ? undefined : stamps.join(' ')
}

/** Another one for each file that was ever there; undefined where none is. */
async function stampOf(path: string): Promise<string | undefined> {
  const found = await unlessMissing(stat(path, { bigint: true }))
  return found && `${found.dev}:${found.ino} ${found.size} ${found.mtimeNs}`
}

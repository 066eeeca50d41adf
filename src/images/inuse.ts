/** Images for runs: looked up each time, and read only where another one is in use. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessMissing } from '../base/files.ts'
import { locateImage } from './image.ts'
import type { Image } from './images.ts'

interface Known {
  readonly image: Image
  readonly stamp: string | undefined
}

export class ImagesInUse {
  readonly #home: string
  readonly #known = new Map<string, Known>()

  /** `home`: $VULCAN_HOME. */
  constructor(home: string) {
    this.#home = home
  }

  /** As `locateImage`. */
  async find(name: string): Promise<Image> {
    const known = this.#known.get(name)
    const [current, rootfs] = await Promise.all([this.#current(), known && stampOf(known.image.rootfs)])
    if (known && rootfs !== undefined && known.stamp === `${current} ${rootfs}`) return known.image
    // One that changes from here on is another one than `current`, and seen the next time.
    const image = await locateImage(this.#home, name)
    this.#known.set(name, { image, stamp: `${current} ${await stampOf(image.rootfs)}` })
    return image
  }

  #current(): Promise<string | undefined> {
    return stampOf(join(this.#home, 'images', 'current.json'))
  }
}

/** Another one for each file that was ever there. */
async function stampOf(path: string): Promise<string | undefined> {
  const found = await unlessMissing(stat(path, { bigint: true }))
  return found && `${found.dev}:${found.ino} ${found.size} ${found.mtimeNs}`
}

/** Which images there are, for whoever asks the server. */
import { stat } from 'node:fs/promises'
import { runtimes } from '../api/runtimes.ts'
import type { ImageState } from '../api/state.ts'
import { locateImage } from './image.ts'

/** One for each runtime, built or not. */
export async function imageStates(home: string): Promise<readonly ImageState[]> {
  return Promise.all(
    runtimes.map(async ({ name }) => {
      const image = await locateImage(home, name).catch(() => undefined)
      return { name, ...(image && { digest: image.digest, bytes: (await stat(image.rootfs)).size }) }
    }),
  )
}

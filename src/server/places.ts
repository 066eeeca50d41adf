/** Places for archives that arrive: how many may at once, and room on the disk for all that they may still bring. */
import { VulcanError } from '../api/errors.ts'
import type { Caller } from './keyring.ts'
import { expectRoom } from './room.ts'

/** Of one key; fewer where its quota has fewer wait. */
const mostOfKey = 16
const mostInAll = 64
const mib = 1 << 20

interface Place extends Disposable {
  readonly key: string
  readonly bytes: number
}

export class Places {
  readonly #home: string
  readonly #held = new Set<Place>()

  /** `home`: on whose disk the archives come to lie. */
  constructor(home: string) {
    this.#home = home
  }

  /**
   * A place for an archive of at most so many bytes, to be disposed of once it is taken in or gone. Throws quota_exceeded where
   * that key has too many, overloaded where all together are, and host_unfit where the disk has no room for it and the others.
   */
  async take({ id, quotas }: Pick<Caller, 'id' | 'quotas'>, bytes: number): Promise<Disposable> {
    const held = [...this.#held]
    const most = Math.min(mostOfKey, quotas.queued ?? mostOfKey)
    if (held.filter(({ key }) => key === id).length >= most) {
      const words = `${most} archives of this key arrive already, and no more of one key may at once`
      throw new VulcanError('quota_exceeded', words, { retryAfterS: 1 })
    }
    if (held.length >= mostInAll) {
      throw new VulcanError('overloaded', `${mostInAll} archives arrive already, and no more may at once`)
    }
    const place = { key: id, bytes, [Symbol.dispose]: () => void this.#held.delete(place) }
    // Before anything is awaited: whoever asks next counts this one.
    this.#held.add(place)
    try {
      const coming = [...this.#held].reduce((sum, one) => sum + one.bytes, 0)
      await expectRoom(this.#home, Math.ceil(coming / mib))
    } catch (error) {
      place[Symbol.dispose]()
      throw error
    }
    return place
  }
}

/** Looks into the books of guests from time to time, one look for all of them, and tells each its news. */
import { type Denial, denialKey, type Denials } from '../../backend/denial.ts'
import { Channel } from '../../base/channel.ts'

export interface RefusalBooksOptions {
  /** All books, by the address of their guest; or that guest's alone, which takes no longer however many others there are. */
  readonly read: (address?: string) => Promise<ReadonlyMap<string, Denials>>
  /** Told why the books cannot be read, once until they can; what was read before still holds. */
  readonly onTrouble: (error: unknown) => void
  /** Milliseconds between looks. */
  readonly everyMs: number
}

export class RefusalBooks {
  readonly #o: RefusalBooksOptions
  readonly #watched = new Set<RefusalBook>()
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #troubled = false

  constructor(options: RefusalBooksOptions) {
    this.#o = options
  }

  /** The book of that guest, until it is closed. */
  async watch(address: string, traffic?: Traffic): Promise<RefusalBook> {
    const book: RefusalBook = new RefusalBook(address, {
      sent: traffic?.sent,
      first: traffic?.isNew ? await traffic.sent().catch(() => undefined) : undefined,
      look: () => this.#read([book], address),
      onClose: () => {
        this.#watched.delete(book)
        if (this.#watched.size === 0) this.#rest()
      },
    })
    this.#watched.add(book)
    this.#timer ??= setInterval(() => void this.#lookAtAll(), this.#o.everyMs).unref()
    return book
  }

  /** Tells what somebody else than the firewall refused that guest, at once and without a look. */
  note(address: string, denial: Denial): void {
    for (const book of this.#watched) if (book.address === address) book.note(denial)
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** One look at a time: a host that is too slow for that is not made slower. */
  async #lookAtAll(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      const still = await Promise.all([...this.#watched].map((book) => book.isStill()))
      if (still.includes(false)) await this.#read(this.#watched)
    } finally {
      this.#looking = false
    }
  }

  async #read(books: Iterable<RefusalBook>, address?: string): Promise<void> {
    try {
      const said = await this.#o.read(address)
      for (const book of books) book.take(said.get(book.address))
      this.#troubled = false
    } catch (error) {
      if (!this.#troubled) this.#o.onTrouble(error)
      this.#troubled = true
    }
  }
}

/** What a guest sends: as long as that is nothing, nothing of it is refused. A look into books costs a process, this a file. */
export interface Traffic {
  /** How many packets so far; undefined where nothing tells. */
  readonly sent: () => Promise<string | undefined>
  /** It was refused nothing yet. */
  readonly isNew: boolean
}

interface Ways {
  readonly sent: Traffic['sent'] | undefined
  /** Packets of a guest that was refused nothing yet. */
  readonly first: string | undefined
  readonly look: () => Promise<void>
  readonly onClose: () => void
}

/** What one guest was refused, as far as it is known. */
export class RefusalBook {
  readonly address: string
  /** Each destination once; ends when the book is closed. Bounded, as the book is. */
  readonly news = new Channel<Denial>({ limit: Infinity, sizeOf: () => 1 })
  readonly #ways: Ways
  /** By destination; when it first was is kept as it was first read: it is known to a second only. */
  readonly #known = new Map<string, Denial>()
  #others = 0
  /** Packets at the last look, and at the one before: what was on its way to the firewall at one is in the book at the next. */
  #sent: [last: string | undefined, before: string | undefined]

  constructor(address: string, ways: Ways) {
    this.address = address
    this.#ways = ways
    this.#sent = [ways.first, ways.first]
  }

  /** Undefined where nothing was refused. */
  get denials(): Denials | undefined {
    if (this.#known.size === 0 && this.#others === 0) return undefined
    return { known: [...this.#known.values()], others: this.#others }
  }

  /** Whether its guest has sent nothing since the look before the last. What cannot be read, as by a server without descriptors, may have. */
  async isStill(): Promise<boolean> {
    const now = await this.#ways.sent?.().catch(() => undefined)
    const [last, before] = this.#sent
    this.#sent = [now, last]
    return now !== undefined && now === last && now === before
  }

  take(denials: Denials | undefined): void {
    if (!denials) return
    this.#others = denials.others
    for (const denial of denials.known) this.note(denial)
  }

  note(denial: Denial): void {
    const key = denialKey(denial)
    const before = this.#known.get(key)
    this.#known.set(key, { ...denial, firstAt: before?.firstAt ?? denial.firstAt })
    if (!before) void this.news.write(denial)
  }

  /** Looks a last time where there may be something new, then closes. Never rejects. */
  async finish(): Promise<void> {
    if (!(await this.isStill())) await this.#ways.look()
    this.close()
  }

  close(): void {
    this.news.end()
    this.#ways.onClose()
  }
}

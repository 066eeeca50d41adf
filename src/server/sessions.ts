/** Who has come in by a browser: single-use links, and the sessions that they begin. Only hashes are kept. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { isMissing, sha256, writeAtomic } from '../base/files.ts'

export const linkMs = 2 * 60_000
export const sessionMs = 12 * 3600_000
/** Of one key; its oldest gives way to one more. */
const mostOfKey = 64
/** Nobody's gives way to that of another key. */
const mostInAll = 1024

interface Entry {
  /** When it is void, in milliseconds of the epoch. */
  readonly until: number
  /** Sha256, in hex, of the key that it stands for. */
  readonly key: string
}

/** By the hash of what somebody holds. */
type Entries = Map<string, Entry>

export class Sessions {
  readonly #path: string
  readonly #now: () => number
  readonly #links: Entries = new Map()
  readonly #sessions: Entries
  #kept = Promise.resolve()

  /** Sessions outlive their server: a page that watches a run goes on when the next server comes. Links do not. */
  constructor(home: string, now: () => number = Date.now) {
    this.#path = join(home, 'sessions.json')
    this.#now = now
    this.#sessions = kept(this.#path)
  }

  /**
   * A new link's token, good once and for two minutes, for whoever may do what that key may. Throws overloaded where all keys
   * together have too many.
   */
  link(keySha256: string): { readonly token: string; readonly expiresAt: number } {
    const token = randomBytes(32).toString('base64url')
    const expiresAt = this.#now() + linkMs
    const entry = { until: expiresAt, key: keySha256 }
    add(this.#links, { hash: sha256(token), entry, now: this.#now(), what: 'links' })
    return { token, expiresAt }
  }

  /**
   * The id of a new session for a link's token; undefined when the token is unknown, used or too old. Rejects with overloaded where
   * all keys together have too many.
   */
  async redeem(token: string): Promise<string | undefined> {
    const hash = sha256(token)
    const link = this.#links.get(hash)
    // Gone before anything is awaited: of two at once only one gets in.
    this.#links.delete(hash)
    if (link === undefined || link.until <= this.#now()) return undefined
    const id = randomBytes(32).toString('base64url')
    const entry = { until: this.#now() + sessionMs, key: link.key }
    add(this.#sessions, { hash: sha256(id), entry, now: this.#now(), what: 'sessions' })
    await this.#keep()
    return id
  }

  /** Sha256 of the key that a session that still lasts stands for. A lookup by hash: its time tells nothing of any id. */
  keyOf(id: string): string | undefined {
    const session = this.#sessions.get(sha256(id))
    return session !== undefined && session.until > this.#now() ? session.key : undefined
  }

  /** One write behind the other: the last one that lands must be the newest. */
  #keep(): Promise<void> {
    const write = () => writeAtomic(this.#path, `${JSON.stringify(Object.fromEntries(this.#sessions))}\n`, 0o600)
    this.#kept = this.#kept.then(write, write)
    return this.#kept
  }
}

interface Addition {
  readonly hash: string
  readonly entry: Entry
  readonly now: number
  readonly what: string
}

function add(to: Entries, { hash, entry, now, what }: Addition): void {
  for (const [old, { until }] of to) if (until <= now) to.delete(old)
  const own = [...to].filter(([, { key }]) => key === entry.key)
  const [oldest] = own
  if (oldest && own.length >= mostOfKey) to.delete(oldest[0])
  else if (to.size >= mostInAll) {
    const nextMs = Math.min(...[...to.values()].map(({ until }) => until)) - now
    const words = `there are ${mostInAll} ${what} of browsers already; the next of them ends in ${Math.ceil(nextMs / 1000)} s`
    throw new VulcanError('overloaded', words, { retryAfterS: Math.ceil(nextMs / 1000) })
  }
  to.set(hash, entry)
}

function kept(path: string): Entries {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Entry>
    return new Map(Object.entries(read))
  } catch (error) {
    // None yet, or a file that a crash cut: whoever was in comes in again.
    if (isMissing(error) || error instanceof SyntaxError) return new Map()
    throw error
  }
}

/** Who has come in by a browser: single-use links, and the sessions that they begin. Only hashes are kept. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing, sha256, writeAtomic } from '../base/files.ts'

export const linkMs = 2 * 60_000
export const sessionMs = 12 * 3600_000
/** The oldest gives way to one more. */
const most = 64

/** Hash to the time, in milliseconds of the epoch, when it is void. */
type Expiries = Map<string, number>

export class Sessions {
  readonly #path: string
  readonly #now: () => number
  readonly #links: Expiries = new Map()
  readonly #sessions: Expiries
  #kept = Promise.resolve()

  /** Sessions outlive their server: a page that watches a run goes on when the next server comes. Links do not. */
  constructor(home: string, now: () => number = Date.now) {
    this.#path = join(home, 'sessions.json')
    this.#now = now
    this.#sessions = kept(this.#path)
  }

  /** A new link's token, good once and for two minutes. */
  link(): { readonly token: string; readonly expiresAt: number } {
    const token = randomBytes(32).toString('base64url')
    const expiresAt = this.#now() + linkMs
    add(this.#links, { hash: sha256(token), expiresAt, now: this.#now() })
    return { token, expiresAt }
  }

  /** The id of a new session for a link's token; undefined when the token is unknown, used or too old. */
  async redeem(token: string): Promise<string | undefined> {
    const hash = sha256(token)
    const expiresAt = this.#links.get(hash)
    // Gone before anything is awaited: of two at once only one gets in.
    this.#links.delete(hash)
    if (expiresAt === undefined || expiresAt <= this.#now()) return undefined
    const id = randomBytes(32).toString('base64url')
    add(this.#sessions, { hash: sha256(id), expiresAt: this.#now() + sessionMs, now: this.#now() })
    await this.#keep()
    return id
  }

  /** True when that is the id of a session that still lasts. A lookup by hash: its time tells nothing of any id. */
  has(id: string): boolean {
    return (this.#sessions.get(sha256(id)) ?? 0) > this.#now()
  }

  /** One write behind the other: the last one that lands must be the newest. */
  #keep(): Promise<void> {
    const write = () => writeAtomic(this.#path, `${JSON.stringify(Object.fromEntries(this.#sessions))}\n`, 0o600)
    this.#kept = this.#kept.then(write, write)
    return this.#kept
  }
}

function add(to: Expiries, { hash, expiresAt, now }: { hash: string; expiresAt: number; now: number }): void {
  for (const [old, until] of to) if (until <= now) to.delete(old)
  const [oldest] = to.keys()
  if (to.size >= most && oldest !== undefined) to.delete(oldest)
  to.set(hash, expiresAt)
}

function kept(path: string): Expiries {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>
    return new Map(Object.entries(read))
  } catch (error) {
    // None yet, or a file that a crash cut: whoever was in comes in again.
    if (isMissing(error) || error instanceof SyntaxError) return new Map()
    throw error
  }
}

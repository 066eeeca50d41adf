/** Keys: made, found by what a request carries, revoked. Only hashes are kept. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { localKey, type KeyInfo, type KeyQuotas, type KeyRequest, type NewKey, type Scope } from '../api/keys.ts'
import { VulcanError } from '../api/errors.ts'
import { InvalidBody } from '../api/problem.ts'
import { sha256 } from '../base/files.ts'
import { orderedId } from '../base/id.ts'
import type { StoredKey } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

/** Who speaks: a key that is valid now. */
export interface Caller {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly quotas: KeyQuotas
}

/** What is wrong with a key that is none, or is none any more. */
export type Invalid = 'unknown' | 'revoked' | 'expired'

export interface KeyringOptions {
  readonly store: Store
  /** Sha256, in hex, of the key that lies in the home. */
  readonly localSha256: string
  /** Takes what went wrong when a use could not be noted. */
  readonly log: (error: unknown) => void
  readonly now?: () => number
}

/** Milliseconds between two notes of a key's use. */
const noteEveryMs = 60_000

export class Keyring {
  readonly #o: KeyringOptions
  readonly #noted = new Map<string, number>()

  constructor(options: KeyringOptions) {
    this.#o = options
  }

  /**
   * Whose key a text is. Keys are 32 random bytes: nobody guesses them from a hash, so a fast one will do, and a slow one
   * would only let strangers keep the processor busy. The search by hash takes a time that depends on the hash of what was
   * sent, of which nobody can choose the digits; the comparison takes the same time always.
   */
  find(text: string): Promise<Caller | Invalid> {
    return this.findHash(sha256(text))
  }

  /** Sha256, in hex, of the key that lies in the home. */
  get localSha256(): string {
    return this.#o.localSha256
  }

  /** Whose key has that sha256, in hex: for who came in by a key and was let go on without it. */
  async findHash(hash: string): Promise<Caller | Invalid> {
    if (isSame(hash, this.#o.localSha256)) return localKey
    const key = await this.#o.store.keyByHash(hash)
    if (!key || !isSame(hash, key.hash)) return 'unknown'
    if (key.revokedAt !== undefined) return 'revoked'
    if (key.expiresAt !== undefined && key.expiresAt <= this.#now()) return 'expired'
    this.#noteUse(key)
    return { id: key.id, name: key.name, scopes: key.scopes, quotas: key.quotas }
  }

  /** Makes a key; what this gives back is the only place where its text is. Throws InvalidBody for a time that is none. */
  async make({ name, scopes = ['run'], expires_at: expires, quotas = {} }: KeyRequest): Promise<NewKey> {
    const text = `vk_${randomBytes(32).toString('base64url')}`
    const now = this.#now()
    const expiresAt = expires === undefined ? undefined : timeOf(expires, now)
    const key = { id: orderedId(), name, scopes: [...new Set(scopes)], quotas, createdAt: now, expiresAt }
    await this.#o.store.insertKey({ ...key, hash: sha256(text) })
    return { ...infoOf({ ...key, lastUsedAt: undefined, revokedAt: undefined }), key: text }
  }

  /** Oldest first, the revoked included. */
  async list(): Promise<KeyInfo[]> {
    return (await this.#o.store.keys()).map(infoOf)
  }

  /** Refuses a key from now on; what it has handed in goes on. Throws not_found. */
  async revoke(id: string): Promise<KeyInfo> {
    const key = await this.#o.store.revokeKey(id, this.#now())
    if (key) return infoOf(key)
    const hint =
      id === localKey.id ? 'the key in the home is replaced by removing the file and starting anew' : undefined
    throw new VulcanError('not_found', `there is no key ${id}`, { hint })
  }

  /** Goes with whatever is written next, and nobody waits for it. */
  #noteUse({ id, lastUsedAt = 0 }: StoredKey): void {
    const now = this.#now()
    if (now - Math.max(lastUsedAt, this.#noted.get(id) ?? 0) < noteEveryMs) return
    this.#noted.set(id, now)
    this.#o.store.noteUse(id, now).catch(this.#o.log)
  }

  #now(): number {
    return this.#o.now?.() ?? Date.now()
  }
}

/** In constant time, so that timing tells nothing of a hash. */
function isSame(hash: string, other: string): boolean {
  const [a, b] = [Buffer.from(hash, 'hex'), Buffer.from(other, 'hex')]
  return a.length === b.length && timingSafeEqual(a, b)
}

function timeOf(text: string, now: number): number {
  const time = Date.parse(text)
  // Date takes the 30th of February for the 2nd of March.
  const [day = ''] = /^\d{4}-\d\d-\d\d/.exec(text) ?? []
  const midnight = new Date(Date.parse(`${day}T00:00:00Z`))
  if (Number.isNaN(time) || Number.isNaN(+midnight) || !midnight.toISOString().startsWith(day)) {
    throw new InvalidBody([{ path: '/expires_at', message: 'is not a time in ISO 8601, such as 2030-12-31T00:00:00Z' }])
  }
  if (time <= now) throw new InvalidBody([{ path: '/expires_at', message: 'is over already' }])
  return time
}

function infoOf(key: Omit<StoredKey, 'hash'>): KeyInfo {
  const { id, name, scopes, quotas } = key
  const time = (ms: number) => new Date(ms).toISOString()
  return {
    ...{ id, name, scopes: [...scopes], quotas },
    created_at: time(key.createdAt),
    ...(key.lastUsedAt !== undefined && { last_used_at: time(key.lastUsedAt) }),
    ...(key.expiresAt !== undefined && { expires_at: time(key.expiresAt) }),
    ...(key.revokedAt !== undefined && { revoked_at: time(key.revokedAt) }),
  }
}

/**
 * Who listens where server.json says. A server that was killed leaves the file behind and its port to anybody, so the key
 * goes over no connection at whose other end nobody has proven to know the file's secret.
 */
import type { Socket } from 'node:net'
import { Client } from '../api/client.ts'
import { VulcanError } from '../api/errors.ts'
import type { Health } from '../api/state.ts'
import type { Fetch } from '../api/transport.ts'
import { isProof, newChallenge } from '../base/proof.ts'
import { quickFetch, type Vet } from './fetch.ts'
import { readServerFile, type ServerFile } from './serverfile.ts'

/** Milliseconds for the proof before a request; in them an emulated machine that is busy answers too. */
const proofMs = 60_000
/** Proofs for one request: requests at the same time take each other's connections. */
const proofs = 8

export interface Proven {
  readonly file: ServerFile
  readonly health: Health
}

export class Identity {
  readonly #home: string
  readonly #proven = new WeakSet<Socket>()
  #newest: Socket | undefined

  constructor(home: string) {
    this.#home = home
  }

  /** The address in server.json. Rejects with `server_unreachable` when there is none. */
  async url(): Promise<string> {
    return (await this.#file()).url
  }

  /**
   * Has who listens there prove itself, with the question whether it lives; sends no key. Rejects with
   * `server_unreachable`, at the step `identity` where somebody answers who is not the server of that file.
   */
  async prove(signal: AbortSignal): Promise<Proven> {
    const file = await this.#file()
    const { url, secret } = file
    if (!secret) throw this.#stranger(`server.json names no secret, as of an older version: ${url} is not asked`)
    let connection: Socket | undefined
    const noted: Fetch = (at, init) => quickFetch(at, init, (its) => (connection = its))
    const challenge = newChallenge()
    const health = await new Client({ url, fetch: noted }).health(signal, challenge)
    if (!isProof(health.proof, { secret, challenge })) {
      throw this.#stranger(`who answers at ${url} does not know the secret in server.json, and gets no key`)
    }
    this.#newest = connection
    if (connection) this.#proven.add(connection)
    return { file, health }
  }

  /** Lets a request with the key through to the server alone, which proves itself first where it has not yet. */
  readonly fetch: Fetch = async (url, init) => {
    if (init.headers['authorization'] === undefined) return quickFetch(url, init)
    const timeout = AbortSignal.timeout(proofMs)
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
    if (typeof init.body === 'object') {
      // Forms go over connections of Node's own, which we do not see: as long as ours stands, they lead where it does.
      if (!this.#newest || hasEnded(this.#newest)) await this.prove(signal)
      return quickFetch(url, init)
    }
    for (let n = 0; n < proofs; n += 1) {
      try {
        return await quickFetch(url, init, this.#vet)
      } catch (error) {
        if (error !== unproven) throw error
      }
      await this.prove(signal)
    }
    throw this.#stranger(`it keeps no connection to ${url.origin}`)
  }

  readonly #vet: Vet = (connection) => {
    if (!this.#proven.has(connection)) throw unproven
  }

  async #file(): Promise<ServerFile> {
    const file = await readServerFile(this.#home)
    if (file) return file
    throw new VulcanError('server_unreachable', `no server of ${this.#home} runs`, { hint: 'start it: vulcan up' })
  }

  #stranger(why: string): VulcanError {
    return new VulcanError('server_unreachable', `the server of ${this.#home} is taken as gone: ${why}`, {
      step: identityStep,
      hint: 'start another: vulcan up',
    })
  }
}

const unproven = new Error('nobody has proven anything over this connection')
const identityStep = 'identity'

const hasEnded = ({ destroyed, readableEnded }: Socket): boolean => destroyed || readableEnded

/** Whether an error says that the server is gone although somebody answers. */
export const isStranger = (error: unknown): error is VulcanError =>
  error instanceof VulcanError && error.step === identityStep

/** Who may speak to the server, and about what: Host and Origin against rebinding and foreign pages, then the key and its scope. */
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import type { Scope } from '../api/keys.ts'
import { openPaths, routes } from '../api/routes.ts'
import type { Facts } from '../base/facts.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { Attempts } from './attempts.ts'
import { isOfPage, sessionOf } from './browser.ts'
import type { Refusal, ServerFacts } from './facts.ts'
import type { Caller, Invalid, Keyring } from './keyring.ts'
import type { Sessions } from './sessions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key must have, or be admin; `any`: every key will do. Without it only admin will. */
    scope?: Scope | 'any'
  }
  interface FastifyRequest {
    /** Whose key it carries; null on the paths that need none. */
    caller: Caller | null
  }
}

export interface Access {
  readonly keyring: Keyring
  /** Host names the server answers to besides localhost and bare addresses. */
  readonly names: readonly string[]
  /** Browsers that came in by a link. */
  readonly sessions: Sessions
  /** Requests without a valid key that one address may send in a minute. */
  readonly failuresPerMinute: number
}

/** Adds the checks to every request, unknown paths included. */
export function guard(app: FastifyInstance, access: Access, facts: Facts<ServerFacts>): void {
  const attempts = new Attempts(access.failuresPerMinute)
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request, reply) => {
    const refuse = (reason: Refusal, error: VulcanError): never => {
      facts.emit('access.refused', { reason })
      throw error
    }
    const foreign = foreignness(request, access.names)
    if (foreign) refuse('origin', foreign)
    if (openPaths.has(request.routeOptions.url ?? '') || isOfPage(request)) return
    const found = await callerOf(request, access)
    if (typeof found === 'string') {
      // Only those are made to wait who have no key: whoever shares an address with them is not shut out by it.
      const waitS = attempts.fail(request.ip, Date.now())
      if (waitS !== undefined) refuse('throttled', tooMany(waitS))
      askForKey(request, reply)
      return refuse(found, new VulcanError('unauthorized', words[found], { hint: 'send Authorization: Bearer vk_…' }))
    }
    request.caller = found
    const { url, config } = request.routeOptions
    const needed = url === undefined ? 'any' : (config.scope ?? 'admin')
    if (needed !== 'any' && !has(found, needed)) refuse('scope', lacking(found, needed))
  })
}

const words: Readonly<Record<Invalid | 'missing', string>> = {
  missing: 'the request carries no key',
  unknown: 'the request carries no valid key',
  revoked: 'the key was revoked',
  expired: 'the key has expired',
}

function foreignness({ headers, protocol }: FastifyRequest, names: readonly string[]): VulcanError | undefined {
  const { host = '', origin } = headers
  if (!isOurs(host, names)) {
    return new VulcanError('forbidden_origin', `this server does not answer to the host ${JSON.stringify(host)}`, {
      hint: 'add it to server.names',
    })
  }
  // Over TLS only where a proxy says so that is believed; of another nobody knows.
  const schemes = protocol === 'https' ? ['https'] : ['http', 'https']
  if (origin === undefined || schemes.some((scheme) => origin === `${scheme}://${host}`)) return undefined
  return new VulcanError('forbidden_origin', `requests from pages of ${JSON.stringify(origin)} are refused`)
}

async function callerOf(request: FastifyRequest, { keyring, sessions }: Access): Promise<Caller | Invalid | 'missing'> {
  const { authorization } = request.headers
  const bearer = isPage(request) ? asBearer(authorization) : authorization
  const text = /^Bearer (\S+)$/i.exec(bearer ?? '')?.[1]
  if (text !== undefined) return keyring.find(text)
  const session = sessionOf(request)
  const keySha256 = session === undefined ? undefined : sessions.keyOf(session)
  return keySha256 === undefined ? 'missing' : keyring.findHash(keySha256)
}

/** A browser asks its user for a name and a password, and can ask for nothing else. */
function askForKey(request: FastifyRequest, reply: FastifyReply): void {
  const basic = 'Basic realm="Vulcan: any name, and a key as password"'
  void reply.header('www-authenticate', isPage(request) ? basic : 'Bearer')
}

const tooMany = (retryAfterS: number): VulcanError =>
  new VulcanError('too_many_failures', 'too many requests without a valid key came from this address', { retryAfterS })

const has = ({ scopes }: Caller, scope: Scope): boolean => scopes.includes(scope) || scopes.includes('admin')

const lacking = ({ name }: Caller, scope: Scope): VulcanError =>
  new VulcanError('forbidden', `the key ${JSON.stringify(name)} lacks the scope ${scope}`)

/** Who asks, on a path that needs a key. */
export function whoAsks({ caller }: FastifyRequest): Caller {
  if (caller) return caller
  throw new VulcanError('internal', 'a request went past the check of its key')
}

/** Whose workloads a caller sees: its own, or with undefined everybody's. */
export const sightOf = (caller: Caller): string | undefined => (has(caller, 'read') ? undefined : caller.id)

/** Throws not_found when the caller may not know of a workload, exactly as where there is none. */
export async function expectSight(scheduler: Scheduler, request: FastifyRequest, id: string): Promise<void> {
  const tenant = sightOf(whoAsks(request))
  if (tenant !== undefined) await scheduler.expectOwner(id, tenant)
}

/** Whether the caller may read what only its sender should see: it handed it in, or is admin. */
export async function isTrusted(scheduler: Scheduler, request: FastifyRequest, id: string): Promise<boolean> {
  const caller = whoAsks(request)
  return has(caller, 'admin') || scheduler.isOwner(id, caller.id)
}

/** Throws not_found, or forbidden when the caller may see the workload but neither end it nor have its archive. */
export async function expectPower(scheduler: Scheduler, request: FastifyRequest, id: string): Promise<void> {
  const caller = whoAsks(request)
  if (has(caller, 'admin')) return
  try {
    await scheduler.expectOwner(id, caller.id)
  } catch (error) {
    if (sightOf(caller) !== undefined) throw error
    await scheduler.summary(id)
    throw lacking(caller, 'admin')
  }
}

/** The page of the documentation: it only reads, so that what a browser sends by itself can do no harm. */
const isPage = ({ url, method }: FastifyRequest): boolean =>
  method === 'GET' && (url === routes.docs || url.startsWith(`${routes.docs}/`))

/** The password of Basic credentials, as Bearer ones; whatever else it is stays. */
function asBearer(authorization: string | undefined): string | undefined {
  const encoded = /^Basic (\S+)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return authorization
  return `Bearer ${Buffer.from(encoded, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '')}`
}

/** A bare address cannot be the victim of DNS rebinding; a name can, unless it is known. */
function isOurs(host: string, names: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.includes(name)
}

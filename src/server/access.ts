/** Who may speak to the server: Host and Origin against rebinding and foreign pages, then the key. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { openPaths, routes } from '../api/routes.ts'
import { isOfPage, sessionOf } from './browser.ts'
import type { Sessions } from './sessions.ts'

export interface Access {
  /** Sha256 of the key, in hex. */
  readonly keySha256: string
  /** Host names the server answers to besides localhost and bare addresses. */
  readonly names: readonly string[]
  /** Browsers that came in by a link. */
  readonly sessions: Sessions
}

/** Adds the checks to every request, unknown paths included. */
export function guard(app: FastifyInstance, access: Access): void {
  app.addHook('onRequest', (request, reply, done) => {
    const fault = refusal(request, access)
    if (fault?.code === 'unauthorized') {
      // A browser asks its user for a name and a password, and can ask for nothing else.
      void reply.header(
        'www-authenticate',
        isPage(request) ? 'Basic realm="Vulcan: any name, and a key as password"' : 'Bearer',
      )
    }
    done(fault)
  })
}

function refusal(request: FastifyRequest, access: Access): VulcanError | undefined {
  const host = request.headers.host ?? ''
  if (!isOurs(host, access.names)) {
    return new VulcanError('forbidden_origin', `this server does not answer to the host ${JSON.stringify(host)}`, {
      hint: 'add it to server.names',
    })
  }
  const { origin } = request.headers
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return new VulcanError('forbidden_origin', `requests from pages of ${JSON.stringify(origin)} are refused`)
  }
  if (openPaths.has(request.url.split('?')[0] ?? '') || isOfPage(request)) return undefined
  const session = sessionOf(request)
  if (session !== undefined && access.sessions.has(session)) return undefined
  const { authorization } = request.headers
  return hasKey(isPage(request) ? asBearer(authorization) : authorization, access.keySha256)
    ? undefined
    : new VulcanError('unauthorized', 'the request carries no valid key', { hint: 'send Authorization: Bearer vk_…' })
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
export function isOurs(host: string, names: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.includes(name)
}

/** Compares hashes in constant time, so that timing tells nothing of the key. */
export function hasKey(authorization: string | undefined, keySha256: string): boolean {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
  const expected = Buffer.from(keySha256, 'hex')
  if (token === undefined || expected.length !== 32) return false
  return timingSafeEqual(createHash('sha256').update(token).digest(), expected)
}

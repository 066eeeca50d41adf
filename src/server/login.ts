/** How a browser comes in: a link for whoever has a key, good once, and the cookie that it is exchanged for. */
import { Type } from 'typebox'
import type { ErrorCode } from '../api/errors.ts'
import { sha256 } from '../base/files.ts'
import { ref } from '../api/ref.ts'
import { pages, routes } from '../api/routes.ts'
import { LoginLink } from '../api/state.ts'
import type { Facts } from '../base/facts.ts'
import type { FastifyTypeBox } from './app.ts'
import { cookieName } from './browser.ts'
import { stateCall } from './calls.ts'
import type { ServerFacts } from './facts.ts'
import type { Keyring } from './keyring.ts'
import { NoQuery, Query } from './query.ts'
import { sessionMs, type Sessions } from './sessions.ts'

/** The key that let this request through: a session makes no links. */
const keyIn = (authorization = ''): string => authorization.replace(/^Bearer /i, '')

/** Where a link with that token leads. */
export const loginPath = (token: string): string => `${pages.login}?token=${token}`

interface LoginOptions {
  readonly sessions: Sessions
  readonly keyring: Keyring
  readonly facts: Facts<ServerFacts>
}

export function loginRoutes(app: FastifyTypeBox, { sessions, keyring, facts }: LoginOptions): void {
  const schema = {
    operationId: 'createLoginLink',
    summary: 'Makes a link that lets one browser in, once, within two minutes',
    tags: ['state'],
    querystring: NoQuery,
    response: { 200: ref(LoginLink) },
  }
  app.post(routes.loginLinks, { config: { scope: 'any', codes: ['overloaded'] }, schema }, (request, reply) => {
    const { token, expiresAt } = sessions.link(sha256(keyIn(request.headers.authorization)))
    void reply.header('cache-control', 'no-store')
    return { path: loginPath(token), expires_at: new Date(expiresAt).toISOString() }
  })

  // Without a token, or with one that is used, the page itself says how to get in.
  const Token = Query({ token: Type.Optional(Type.String({ maxLength: 128 })) })
  const config = { codes: ['overloaded'] satisfies ErrorCode[] }
  app.get(pages.login, { config, schema: { hide: true, querystring: Token } }, async (request, reply) => {
    const id = await sessions.redeem(request.query.token ?? '')
    if (id !== undefined) {
      const caller = await keyring.findHash(sessions.keyOf(id) ?? '')
      if (typeof caller === 'object') request.caller = caller
      // A GET that changes something: from here on a browser may do what the key may.
      stateCall(facts, request, 303)
      const secure = request.protocol === 'https' ? '; Secure' : ''
      const lasting = `Max-Age=${sessionMs / 1000}; Path=/; HttpOnly; SameSite=Strict${secure}`
      void reply.header('set-cookie', `${cookieName(request.headers.host)}=${id}; ${lasting}`)
    }
    return reply
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .redirect(id === undefined ? '/?login=failed' : '/', 303)
  })
}

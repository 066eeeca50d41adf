/** The routes of keys. */
import { Type } from 'typebox'
import { KeyInfo, KeyList, KeyRequest, NewKey } from '../api/keys.ts'
import { ref } from '../api/ref.ts'
import { routes } from '../api/routes.ts'
import { aboutIn } from './about.ts'
import type { FastifyTypeBox } from './app.ts'
import type { Keyring } from './keyring.ts'

const about = aboutIn('keys')

export function keyRoutes(app: FastifyTypeBox, keyring: Keyring): void {
  const make = {
    ...about('createKey', 'Makes a key, and tells its text this once'),
    body: ref(KeyRequest),
    response: { 201: ref(NewKey) },
  }
  app.post(routes.keys, { config: { scope: 'admin' }, schema: make }, async (request, reply) => {
    const made = await keyring.make(request.body)
    request.subject = made.id
    return reply.status(201).header('cache-control', 'no-store').send(made)
  })

  const list = { ...about('listKeys', 'Lists keys, the revoked included'), response: { 200: ref(KeyList) } }
  app.get(routes.keys, { config: { scope: 'admin' }, schema: list }, async () => ({ keys: await keyring.list() }))

  const revoke = {
    ...about('revokeKey', 'Refuses a key from now on; what it has handed in goes on'),
    params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64, description: 'of the key' }) }),
    response: { 200: ref(KeyInfo) },
  }
  app.delete(routes.key, { config: { scope: 'admin', codes: ['not_found'] }, schema: revoke }, (request) =>
    keyring.revoke(request.params.id),
  )
}

/** fetch for a short command: to load Node's own takes longer than a request does. Forms, which carry archives, are left to it. */
import type { Agent, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Answer, Fetch } from '../api/transport.ts'
import { textOf } from '../base/text.ts'

/** One connection for all requests of a command; nothing waits for it at the end. */
let agent: Agent | undefined

/** Told of the connection that a request is about to go over; what it throws keeps the request from going. */
export type Vet = (connection: Socket) => void

export async function quickFetch(...[url, init, vet]: [...Parameters<Fetch>, Vet?]): Promise<Answer> {
  const { method, headers, body, signal } = init
  if (typeof body === 'object') return fetch(url, { method, headers, body, ...(signal && { signal }) })
  // Not before somebody asks: many commands never do. An import would load all that it exports, Node's own fetch among it.
  const { Agent, request } = process.getBuiltinModule('node:http')
  agent ??= new Agent({ keepAlive: true })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, { agent, method, headers, ...(signal && { signal }) }, resolve)
  // An answer that came before the body was sent is the answer, whatever becomes of the rest.
  sent.on('error', reject)
  sent.once('socket', (connection) => {
    try {
      vet?.(connection)
      sent.end(body)
    } catch (error) {
      sent.destroy(error as Error)
    }
  })
  const response = await promise
  const { statusCode: status = 0 } = response
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: (name) => response.headers[name]?.toString() ?? null },
    text: async () => {
      const text = await textOf(response)
      // A refusal comes while the body is on its way, and nobody reads what is left of that.
      if (!sent.writableFinished) sent.destroy()
      return text
    },
    get body() {
      return Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>>
    },
  }
}

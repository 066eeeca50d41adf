/** fetch for a short command: to load Node's own takes longer than a request does. Forms, which carry archives, are left to it. */
import type { Agent, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Fetch } from '../api/transport.ts'
import { textOf } from '../base/text.ts'

/** One connection for all requests of a command; nothing waits for it at the end. */
let agent: Agent | undefined

export const quickFetch: Fetch = async (url, init) => {
  const { method, headers, body, signal } = init
  if (typeof body === 'object') return fetch(url, { method, headers, body, ...(signal && { signal }) })
  // Not before somebody asks: many commands never do. An import would load all that it exports, Node's own fetch among it.
  const { Agent, request } = process.getBuiltinModule('node:http')
  agent ??= new Agent({ keepAlive: true })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, { agent, method, headers, ...(signal && { signal }) }, resolve)
  sent.once('error', reject)
  sent.end(body)
  const response = await promise
  const { statusCode: status = 0 } = response
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: (name) => response.headers[name]?.toString() ?? null },
    text: () => textOf(response),
    get body() {
      return Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>>
    },
  }
}

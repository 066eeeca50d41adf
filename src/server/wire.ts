/** What goes wrong before there is a request, or while it arrives: answers on the bare socket, and a bound on silence. */
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { problemMediaType, problemOf } from '../api/problem.ts'

/** Answers what the parser of HTTP gave up on, and closes the connection. */
export function answerUnread(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) return void socket.destroy(error)
  const problem = problemOf(faultOf(error))
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function faultOf(error: Error & { code?: string }): VulcanError {
  const { code, message } = error
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new VulcanError('request_timeout', 'the request did not arrive in time')
  }
  if (code === 'HPE_HEADER_OVERFLOW') return new VulcanError('headers_too_large', 'the headers are larger than 16 KiB')
  return new VulcanError('invalid_request', `this is not HTTP: ${message}`)
}

/**
 * A body of which no byte comes for so long is given up with its connection. Only while it arrives: an answer may take
 * as long as its workload.
 */
export function boundStalls(app: FastifyInstance, stallMs: number): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    // A request that tests inject has no connection; the body of a GET is read by nobody, so it has no end.
    const reads = raw.method !== 'GET' && raw.method !== 'HEAD' && hasBody(raw)
    if (!reads || !(raw.socket instanceof Socket)) return done()
    const { socket } = raw
    const stalled = () => socket.destroy()
    const arrived = () => {
      socket.setTimeout(0)
      socket.off('timeout', stalled)
    }
    socket.setTimeout(stallMs, stalled)
    raw.once('end', arrived)
    raw.once('close', arrived)
    done()
  })
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

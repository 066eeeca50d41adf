/** What goes wrong before there is a request, or while it arrives: answers on the bare socket, and bounds on silence and slowness. */
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import { problemMediaType, problemOf } from '../api/problem.ts'

/** Answers what the parser of HTTP gave up on, and closes the connection. */
export function answerUnread(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (!socket.writable) return void socket.destroy(error)
  socket.end(answerOf(faultOf(error)))
}

/** A whole answer, for where there is nobody to write it. */
function answerOf(fault: VulcanError): string {
  const problem = problemOf(fault)
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

function faultOf(error: Error & { code?: string }): VulcanError {
  const { code, message } = error
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new VulcanError('request_timeout', 'the request did not arrive in time')
  }
  if (code === 'HPE_HEADER_OVERFLOW') return new VulcanError('headers_too_large', 'the headers are larger than 16 KiB')
  return new VulcanError('invalid_request', `this is not HTTP: ${message}`)
}

export interface ArrivalBounds {
  /** Milliseconds without a byte after which a body is given up. */
  readonly stallMs: number
  /** Milliseconds that any body may take, however small it may be. */
  readonly leastMs: number
  /** Most bytes of a JSON body. */
  readonly bodyBytes: number
  /** Most bytes of an archive. */
  readonly archiveBytes: number
}

/** The slowest that a body of the largest size may come, on the whole. */
const leastBytesPerMs = 65_536 / 1000

/**
 * A body of which no byte comes for so long, or that comes too slowly on the whole, is given up with its connection. Only while
 * it arrives: an answer may take as long as its workload.
 */
export function boundArrivals(
  app: FastifyInstance,
  { stallMs, leastMs, bodyBytes, archiveBytes }: ArrivalBounds,
): void {
  app.addHook('onRequest', ({ raw, routeOptions }, reply, done) => {
    // A request that tests inject has no connection.
    if (!bodyComes(raw) || !(raw.socket instanceof Socket)) return done()
    const { socket } = raw
    const bytes = bodyBytes + (routeOptions.config.multipart ? archiveBytes : 0)
    const ms = Math.max(leastMs, Math.ceil(bytes / leastBytesPerMs))
    const late = setTimeout(() => giveUp(raw, { ms, isAnswered: reply.raw.headersSent }), ms)
    const stalled = () => socket.destroy()
    const arrived = () => {
      clearTimeout(late)
      socket.setTimeout(0)
      socket.off('timeout', stalled)
    }
    socket.setTimeout(stallMs, stalled)
    raw.once('end', arrived)
    raw.once('close', arrived)
    done()
  })
}

function giveUp(raw: IncomingMessage, { ms, isAnswered }: { ms: number; isAnswered: boolean }): void {
  const { socket } = raw
  if (isAnswered) return void socket.destroy()
  // Nobody takes it any more: what still comes is read so that the client finds the answer, and not its connection reset.
  raw.unpipe()
  for (const event of ['data', 'end']) raw.removeAllListeners(event)
  raw.resume()
  const words = `the body did not arrive within ${Math.ceil(ms / 1000)} s, in which the largest comes at 64 KiB/s`
  socket.end(answerOf(new VulcanError('request_timeout', words)))
  const over = setTimeout(() => socket.destroy(), readOnMs)
  socket.once('close', () => clearTimeout(over))
}

/** Milliseconds that an answer has to reach a client that still sends. */
const readOnMs = 5000

/**
 * Reads on behind an answer to a request that is not whole yet: a client that still sends would find its connection closed before
 * it finds the answer. What comes beyond a bound is left unread, so that the client waits, and reads the answer; then it is over.
 */
export function readOn({ raw, server }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || !bodyComes(raw) || !(raw.socket instanceof Socket) || server.closing.begun.aborted) return
  const { socket } = raw
  // The largest JSON body, and as much again.
  let left = 2 * (server.initialConfig.bodyLimit ?? 0)
  const over = setTimeout(() => socket.destroy(), readOnMs)
  const whole = () => clearTimeout(over)
  // With it Node closes the connection as soon as the answer is written.
  void reply.removeHeader('connection')
  raw.once('end', whole)
  raw.once('close', whole)
  raw.unpipe()
  raw.on('data', ({ length }: Buffer) => {
    left -= length
    if (left < 0) raw.pause()
  })
}

/** Whether a body comes that is read: that of a GET is read by nobody, so it has no end. */
export function bodyComes({ method, headers }: IncomingMessage): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** A session with the agent in a guest: requests and answers, uploads, and one program at a time. See PROTOCOL.md. */
import type { Socket } from 'node:net'
import { VulcanError } from '../api/errors.ts'
import { Transcript } from '../backend/conversation.ts'
import { Decoder, encode, type Frame, maxPayloadBytes, ProtocolError, type SizedFrame, stream } from '../base/frames.ts'
import { abortable } from '../base/time.ts'
import { kindOf } from './framekind.ts'
import { stepOf, wordsOf } from './said.ts'

export type Message = Readonly<Record<string, unknown>>

/** The connection ended where a frame was due: the vm is gone, or, before the hello, was not there yet. */
export class SessionLost extends Error {
  constructor(detail: string) {
    super(`the connection to the guest was lost: ${detail}`)
    this.name = 'SessionLost'
  }
}

/** Of the guest protocol (PROTOCOL.md). */
export const protocolVersion = 2

/** Bytes of one data frame of an upload. */
const uploadPiece = 256 << 10

export class Session {
  /** What was said so far, from the hello on. */
  readonly transcript = new Transcript()
  readonly #socket: Socket
  readonly #frames: AsyncGenerator<SizedFrame, void>
  /** Whether a frame is waited for, and none came since `quiet` was asked. */
  #waiting = false
  #quiet = false
  /** Pings that were sent by `ping` and have no answer yet. */
  #pings = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    // An error of the socket is told to whoever reads frames; without a listener it would end the process.
    socket.on('error', () => undefined)
    this.#frames = framesOf(socket)
  }

  /** Takes a fresh connection and waits for the guest's hello. Throws SessionLost when it ends before: dial again. */
  static async open(socket: Socket, signal: AbortSignal): Promise<Session> {
    const session = new Session(socket)
    try {
      const hello = await session.message(signal)
      if (hello['op'] !== 'hello' || hello['proto'] !== protocolVersion) {
        throw new ProtocolError(
          `a hello of version ${protocolVersion} was due, not ${JSON.stringify(hello).slice(0, 200)}`,
        )
      }
      return session
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** The next frame that is no answer to `ping`; undefined when the guest has closed the connection between frames. */
  async next(signal: AbortSignal): Promise<Frame | undefined> {
    for (;;) {
      const frame = await this.#next(signal)
      if (this.#pings === 0 || frame?.type !== 'control' || frame.message['op'] !== 'ok') return frame
      this.#pings -= 1
    }
  }

  async #next(signal: AbortSignal): Promise<Frame | undefined> {
    this.#waiting = true
    try {
      const { value, done } = await abortable(this.#frames.next(), signal)
      if (done) return undefined
      this.transcript.note({ from: 'guest', kind: kindOf(value.frame), bytes: value.bytes })
      return value.frame
    } finally {
      this.#waiting = false
      this.#quiet = false
    }
  }

  /** Asks for a sign of life while a program runs. Its answer is for `quiet` alone. */
  ping(): void {
    this.#pings += 1
    this.send({ op: 'ping' })
  }

  /** Whether what was sent is not taken yet, as input of a program that reads none: a ping would lie behind it. */
  get isSending(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Whether somebody has waited for a frame ever since this was asked last, and none came. */
  quiet(): boolean {
    const quiet = this.#waiting && this.#quiet
    this.#quiet = true
    return quiet
  }

  /** The next frame, which must be control. */
  async message(signal: AbortSignal): Promise<Message> {
    const frame = await this.next(signal)
    if (!frame) throw new SessionLost('end of file')
    if (frame.type !== 'control') throw new ProtocolError(`control was due, not ${frame.type}`)
    return frame.message
  }

  /** Sends a request and returns its answer. An `error` answer is thrown as a VulcanError. */
  async request(request: Message, signal: AbortSignal): Promise<Message> {
    this.send(request)
    return this.answer(request['op'], signal)
  }

  /**
   * Sends a request that is followed by an upload, then the upload, then returns the answer. `behind`: a request that goes
   * right behind it, whose answer comes next.
   */
  async upload(
    request: Message,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    { signal, behind }: { signal: AbortSignal; behind?: Message },
  ): Promise<Message> {
    // What is at hand goes in one piece: each wakes the guest.
    this.#socket.cork()
    process.nextTick(() => this.#socket.uncork())
    this.send(request)
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; at += uploadPiece) {
        const data = chunk.subarray(at, at + uploadPiece)
        await this.#write({ type: 'data', stream: stream.upload, data }, signal)
      }
    }
    await this.#write({ type: 'end', stream: stream.upload }, signal)
    if (behind) this.send(behind)
    return this.answer(request['op'], signal)
  }

  async answer(op: unknown, signal: AbortSignal): Promise<Message> {
    const answer = await this.message(signal)
    if (answer['op'] === 'error') throw refusal(op, answer)
    return answer
  }

  /** Sends control that has no answer of its own. */
  send(message: Message): void {
    this.#put({ type: 'control', message })
  }

  /** Writes standard input and its end. Waits while the guest takes it slowly. */
  async sendStdin(content: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < content.length; at += maxPayloadBytes) {
      const data = content.subarray(at, at + maxPayloadBytes)
      await this.#write({ type: 'data', stream: stream.stdin, data }, signal)
    }
    await this.#write({ type: 'end', stream: stream.stdin }, signal)
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Gives the guest up: whoever waits for a frame has a SessionLost with that reason. */
  giveUp(reason: string): void {
    this.#socket.destroy(new SessionLost(reason))
  }

  /** False when the guest takes it slowly. */
  #put(frame: Frame): boolean {
    const bytes = encode(frame)
    this.transcript.note({ from: 'host', kind: kindOf(frame), bytes: bytes.length })
    return this.#socket.write(bytes)
  }

  async #write(frame: Frame, signal: AbortSignal): Promise<void> {
    if (this.#socket.destroyed) throw new SessionLost('it was closed')
    if (this.#put(frame)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('drain', resolve)
    this.#socket.once('close', resolve)
    try {
      await abortable(promise, signal)
    } finally {
      this.#socket.off('drain', resolve)
      this.#socket.off('close', resolve)
    }
  }
}

/** Frames as they are asked for: a reader that does not ask leaves the bytes in the socket, and so in the guest. */
async function* framesOf(socket: Socket): AsyncGenerator<SizedFrame, void> {
  const decoder = new Decoder()
  try {
    for await (const chunk of socket) yield* decoder.sized(chunk as Buffer)
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SessionLost) throw error
    throw new SessionLost(String(error))
  }
  if (!decoder.empty) throw new SessionLost('end of file in the middle of a frame')
}

const callerFaults = {
  archive_corrupt: 'archive_corrupt',
  archive_unsafe: 'archive_unsafe',
  archive_too_large: 'archive_too_large',
} as const

function refusal(op: unknown, answer: Message): VulcanError {
  const code = typeof answer['code'] === 'string' ? answer['code'].slice(0, 40) : 'no code'
  const step = stepOf(answer['step']) ?? String(op)
  const message = `the guest refused ${String(op)}: ${wordsOf(answer['message'])} (${code})`
  const ours = callerFaults[code as keyof typeof callerFaults]
  return new VulcanError(ours ?? 'guest_failed', message, { step })
}

/** Frames of the guest protocol (src/firecracker/PROTOCOL.md), also spoken to the machine: the codec, pure, held to test/vectors/frames.json. */

export const frameType = { control: 1, data: 2, end: 3 } as const
export const stream = { control: 0, stdin: 1, stdout: 2, stderr: 3, upload: 4, result: 5 } as const

export const headerBytes = 9
export const maxPayloadBytes = 1 << 20

export type Frame =
  | { readonly type: 'control'; readonly message: Readonly<Record<string, unknown>> }
  | { readonly type: 'data'; readonly stream: number; readonly data: Uint8Array }
  | { readonly type: 'end'; readonly stream: number }

export interface SizedFrame {
  readonly frame: Frame
  /** With its header. */
  readonly bytes: number
}

/** Bytes that are no frame of this protocol; whoever receives them closes the connection. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(`guest protocol: ${message}`)
    this.name = 'ProtocolError'
  }
}

/** The bytes of one frame. Throws ProtocolError for a payload over the limit. */
export function encode(frame: Frame): Buffer {
  switch (frame.type) {
    case 'control':
      return assemble(frameType.control, stream.control, Buffer.from(JSON.stringify(frame.message)))
    case 'data':
      return assemble(frameType.data, frame.stream, frame.data)
    case 'end':
      return assemble(frameType.end, frame.stream, Buffer.alloc(0))
  }
}

function assemble(type: number, streamId: number, payload: Uint8Array): Buffer {
  if (payload.length > maxPayloadBytes) throw new ProtocolError(`a frame of ${payload.length} bytes is too large`)
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length)
  bytes.writeUInt32BE(payload.length, 0)
  bytes.writeUInt8(type, 4)
  bytes.writeUInt32BE(streamId, 5)
  bytes.set(payload, headerBytes)
  return bytes
}

/** Bytes of a part that is left as it came. */
const smallPart = 4096

/** Takes bytes as they arrive, however they are cut, and gives back the frames that are complete. */
export class Decoder {
  #parts: Buffer[] = []
  #buffered = 0

  /** Throws ProtocolError at the first byte that cannot be right; the decoder is of no use after that. */
  push(bytes: Buffer): Frame[] {
    return this.sized(bytes).map(({ frame }) => frame)
  }

  /** As push, with the bytes that each frame had. */
  sized(bytes: Buffer): SizedFrame[] {
    this.#keep(bytes)
    this.#buffered += bytes.length
    const frames: SizedFrame[] = []
    for (let before = this.#buffered; ; before = this.#buffered) {
      const frame = this.#next()
      if (!frame) return frames
      frames.push({ frame, bytes: before - this.#buffered })
    }
  }

  /** True between frames; a connection that ends when this is false was cut. */
  get empty(): boolean {
    return this.#buffered === 0
  }

  /**
   * A part costs much more than a byte: small ones are joined, each with one that is no larger, so that no byte is copied
   * often. Else a peer that sends a byte at a time makes us hold hundreds of times what it sent.
   */
  #keep(bytes: Buffer): void {
    let part = bytes
    for (
      let last = this.#parts.at(-1);
      last && last.length <= part.length && part.length < smallPart;
      last = this.#parts.at(-1)
    ) {
      part = Buffer.concat([last, part])
      this.#parts.pop()
    }
    this.#parts.push(part)
  }

  #next(): Frame | undefined {
    if (this.#buffered < headerBytes) return undefined
    const header = this.#peek(headerBytes)
    const length = header.readUInt32BE(0)
    const type = header.readUInt8(4)
    const streamId = header.readUInt32BE(5)
    checkHeader(length, type, streamId)
    if (this.#buffered < headerBytes + length) return undefined
    const payload = this.#peek(headerBytes + length).subarray(headerBytes)
    this.#drop(headerBytes + length)
    if (type === frameType.data) return { type: 'data', stream: streamId, data: payload }
    if (type === frameType.end) return { type: 'end', stream: streamId }
    return { type: 'control', message: parseControl(payload) }
  }

  /** The first `count` bytes as one piece; parts are joined only when a frame straddles them. */
  #peek(count: number): Buffer {
    const first = this.#parts[0]
    if (first && first.length >= count) return first.subarray(0, count)
    const joined = Buffer.concat(this.#parts)
    this.#parts = [joined]
    return joined.subarray(0, count)
  }

  #drop(count: number): void {
    const first = this.#parts[0]
    if (!first) return
    this.#buffered -= count
    if (first.length === count) this.#parts.shift()
    else this.#parts[0] = first.subarray(count)
  }
}

function checkHeader(length: number, type: number, streamId: number): void {
  if (length > maxPayloadBytes) throw new ProtocolError(`a frame of ${length} bytes is announced`)
  const fits =
    type === frameType.control
      ? streamId === stream.control
      : (type === frameType.data || type === frameType.end) && streamId >= stream.stdin && streamId <= stream.result
  if (!fits) throw new ProtocolError(`type ${type} with stream ${streamId}`)
  if (type === frameType.data && length === 0) throw new ProtocolError('an empty data frame')
  if (type === frameType.end && length > 0) throw new ProtocolError('an end frame with a payload')
}

// `ignoreBOM` leaves a byte order mark in, which is no JSON; without it the mark would vanish here and be refused by Go.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function parseControl(payload: Buffer): Record<string, unknown> {
  let message: unknown
  try {
    message = JSON.parse(utf8.decode(payload))
  } catch {
    throw new ProtocolError('control that is not JSON')
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new ProtocolError('control that is not an object')
  }
  return message as Record<string, unknown>
}

/**
 * Hostile bytes for the decoder of frames: whole frames, nearly frames and noise, cut anywhere. Each case is decoded a
 * second time by a few plain lines that have all bytes at once; both must say the same. The same seed gives the same cases.
 */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { Decoder, encode, type Frame, headerBytes, maxPayloadBytes, ProtocolError } from '../../src/base/frames.ts'

export interface Outcome {
  /** Frames that both gave. */
  frames: number
  /** Cases that both refused, and those that ended in the middle of a frame. */
  refused: number
  cut: number
}

/** Throws at the first case that is not as it should be, with its number and its bytes. */
export function fuzzFrames(o: { seed: number; cases: number }): Outcome {
  const random = randomFrom(o.seed)
  const outcome = { frames: 0, refused: 0, cut: 0 }
  for (let n = 0; n < o.cases; n++) {
    const bytes = hostileBytes(random)
    const expected = plainDecode(bytes)
    const found = decodeInPieces(bytes, random)
    // What came in one piece with bytes that are refused may be lost with them.
    const whole = found.refused || (found.frames.length === expected.frames.length && found.empty === expected.empty)
    const same =
      whole && found.refused === expected.refused && found.frames.every((frame, at) => frame === expected.frames[at])
    assert.ok(same, `case ${n} of seed ${o.seed}: ${bytes.toString('hex')}\n${say(found)}, not ${say(expected)}`)
    outcome.frames += found.frames.length
    if (found.refused) outcome.refused++
    else if (!found.empty) outcome.cut++
  }
  return outcome
}

interface Decoded {
  /** As text, which compares quickly. */
  readonly frames: readonly string[]
  readonly refused: boolean
  /** Between frames at the end. */
  readonly empty: boolean
}

const say = ({ frames, refused, empty }: Decoded) => JSON.stringify({ frames, refused, empty })

/** Whole numbers from 0 to below `below` (xorshift32). */
type Random = (below: number) => number

function randomFrom(seed: number): Random {
  let state = seed * 2_654_435_761 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T

/** Texts of control frames: JSON, nearly JSON, and what JSON can hide. */
const controls = [
  '{}',
  '{"op":"ended","run":"x","code":0}',
  '{"a":"\\u0000\\ud800"}',
  '{"__proto__":{"op":"hello"},"constructor":1}',
  '{"a":1,"a":2}',
  '[]',
  'null',
  '"text"',
  '{"a":',
  ' {"n":1e999} ',
  '\uFEFF{}',
  `${'['.repeat(300)}${']'.repeat(300)}`,
  `{"a":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`,
]
const lengths = [0, 1, 8, 255, maxPayloadBytes - 1, maxPayloadBytes, maxPayloadBytes + 1, 0x7fffffff, 0xffffffff]

function hostileBytes(random: Random): Buffer {
  if (random(8) === 0) return noise(random, random(40))
  const frames = Array.from({ length: 1 + random(4) }, () => anyFrame(random))
  let bytes: Buffer = Buffer.concat(frames)
  for (let times = random(4); times > 0; times--) bytes = spoil(bytes, random)
  return bytes
}

function anyFrame(random: Random): Buffer {
  const kind = random(4)
  if (kind === 0) return encode({ type: 'end', stream: 1 + random(5) })
  if (kind === 1) return encode({ type: 'data', stream: 1 + random(5), data: noise(random, 1 + random(30)) })
  const payload = Buffer.from(pick(random, controls))
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32BE(payload.length, 0)
  header.writeUInt8(1, 4)
  return Buffer.concat([header, payload])
}

/** Bytes changed, lost, doubled or put in; lengths that lie. */
function spoil(bytes: Buffer, random: Random): Buffer {
  const at = random(bytes.length + 1)
  switch (random(5)) {
    case 0:
      if (at < bytes.length) bytes.writeUInt8(random(256), at)
      return bytes
    case 1:
      if (bytes.length >= 4) bytes.writeUInt32BE(pick(random, lengths), random(bytes.length - 3))
      return bytes
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return Buffer.concat([bytes.subarray(0, at), noise(random, random(12)), bytes.subarray(at)])
    default:
      return Buffer.concat([bytes, bytes.subarray(at)])
  }
}

const noise = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)))

function decodeInPieces(bytes: Buffer, random: Random): Decoded {
  const decoder = new Decoder()
  const frames: string[] = []
  try {
    for (let at = 0; at < bytes.length;) {
      const next = at + 1 + random(random(4) === 0 ? 4 : bytes.length)
      frames.push(...decoder.push(bytes.subarray(at, next)).map(textOf))
      at = next
    }
    return { frames, refused: false, empty: decoder.empty }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { frames, refused: true, empty: false }
  }
}

function textOf(frame: Frame): string {
  if (frame.type === 'control') return `control ${JSON.stringify(frame.message)}`
  return frame.type === 'end'
    ? `end ${frame.stream}`
    : `data ${frame.stream} ${Buffer.from(frame.data).toString('hex')}`
}

/** The protocol in the fewest lines. */
function plainDecode(bytes: Buffer): Decoded {
  const frames: string[] = []
  let at = 0
  while (bytes.length - at >= headerBytes) {
    const [length, type, stream] = [bytes.readUInt32BE(at), bytes.readUInt8(at + 4), bytes.readUInt32BE(at + 5)]
    const known = type === 1 ? stream === 0 : (type === 2 || type === 3) && stream >= 1 && stream <= 5
    if (length > maxPayloadBytes || !known || (type === 2 && length === 0) || (type === 3 && length > 0)) break
    if (bytes.length - at < headerBytes + length) return { frames, refused: false, empty: false }
    const payload = bytes.subarray(at + headerBytes, at + headerBytes + length)
    const control = type === 1 ? jsonObject(payload) : undefined
    if (type === 1 && control === undefined) return { frames, refused: true, empty: false }
    if (type === 1) frames.push(`control ${control}`)
    else frames.push(type === 3 ? `end ${stream}` : `data ${stream} ${payload.toString('hex')}`)
    at += headerBytes + length
  }
  const refused = bytes.length - at >= headerBytes
  return { frames, refused, empty: !refused && at === bytes.length }
}

function jsonObject(payload: Buffer): string | undefined {
  if (!isUtf8(payload)) return undefined
  try {
    const value: unknown = JSON.parse(payload.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : undefined
  } catch {
    return undefined
  }
}

import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Decoder, encode, type Frame, headerBytes, maxPayloadBytes, ProtocolError } from './frames.ts'
import { anyCharacter } from './testing.ts'

interface Vector {
  readonly name: string
  readonly hex: string
  readonly then?: { readonly byte: string; readonly times: number }
  readonly canonical?: boolean
}
type Described =
  | { readonly type: 'control'; readonly message: Record<string, unknown> }
  | { readonly type: 'data'; readonly stream: number; readonly data: string }
  | { readonly type: 'end'; readonly stream: number }

/** The same vectors that native/wire is held to. */
const vectors = JSON.parse(readFileSync(new URL('../../test/vectors/frames.json', import.meta.url), 'utf8')) as {
  readonly frames: readonly (Vector & { readonly frame: Described })[]
  readonly refused: readonly (Vector & { readonly why: string })[]
  readonly cut: readonly Vector[]
}

const tailOf = ({ then }: Vector): Buffer => (then ? Buffer.alloc(then.times, then.byte, 'hex') : Buffer.alloc(0))
const bytesOf = (vector: Vector): Buffer => Buffer.concat([Buffer.from(vector.hex, 'hex'), tailOf(vector)])

function frameOf(vector: Vector & { readonly frame: Described }): Frame {
  const { frame } = vector
  if (frame.type !== 'data') return frame
  return { ...frame, data: Buffer.concat([Buffer.from(frame.data, 'hex'), tailOf(vector)]) }
}

function decode(chunks: Iterable<Buffer>): { frames: Frame[]; empty: boolean } {
  const decoder = new Decoder()
  const frames = [...chunks].flatMap((chunk) => decoder.push(chunk))
  return { frames, empty: decoder.empty }
}

/** Cuts bytes into pieces that end at the given places. */
function split(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

const each = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]))

/** Buffers and views of the same bytes are the same frame. */
const plain = (frame: Frame): unknown =>
  frame.type === 'data' ? { ...frame, data: Buffer.from(frame.data).toString('hex') } : frame

describe('golden frames', () => {
  test.each(vectors.frames)('$name: decodes', (vector) => {
    const { frames, empty } = decode([bytesOf(vector)])
    expect(frames.map(plain)).toEqual([plain(frameOf(vector))])
    expect(empty).toBe(true)
  })

  test.each(vectors.frames.filter((vector) => !vector.then))('$name: decodes cut at every byte', (vector) => {
    const bytes = bytesOf(vector)
    const expected = [plain(frameOf(vector))]
    expect(decode(each(bytes)).frames.map(plain)).toEqual(expected)
    for (let at = 0; at <= bytes.length; at++) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)]).frames.map(plain)).toEqual(expected)
    }
  })

  test.each(vectors.frames.filter((vector) => vector.canonical !== false))('$name: encodes', (vector) => {
    expect(encode(frameOf(vector)).equals(bytesOf(vector))).toBe(true)
  })

  test('all of them in one stream, cut anywhere', () => {
    const small = vectors.frames.filter((vector) => !vector.then)
    const bytes = Buffer.concat(small.map(bytesOf))
    const expected = small.map((vector) => plain(frameOf(vector)))
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 20 }), (places) => {
        const { frames, empty } = decode(split(bytes, places))
        expect(frames.map(plain)).toEqual(expected)
        expect(empty).toBe(true)
      }),
    )
  })

  test.each(vectors.refused)('$name: is refused, however it is cut', (vector) => {
    const bytes = bytesOf(vector)
    for (const chunks of [[bytes], each(bytes)]) {
      let thrown: unknown
      try {
        decode(chunks)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(ProtocolError)
      expect((thrown as Error).message).toContain(vector.why)
    }
  })

  test.each(vectors.cut)('$name: is not the end', (vector) => {
    expect(decode([bytesOf(vector)]).empty).toBe(false)
  })
})

test('a lie about the length is refused before its payload comes', () => {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32BE(maxPayloadBytes + 1, 0)
  header.writeUInt8(2, 4)
  header.writeUInt32BE(2, 5)
  expect(() => decode([header])).toThrow(ProtocolError)
})

test('a payload over the limit is not sent', () => {
  expect(() => encode({ type: 'data', stream: 2, data: Buffer.alloc(maxPayloadBytes + 1) })).toThrow(ProtocolError)
  expect(() => encode({ type: 'control', message: { text: 'x'.repeat(maxPayloadBytes) } })).toThrow(ProtocolError)
})

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant('control' as const),
    message: fc.dictionary(fc.string({ unit: anyCharacter }), fc.jsonValue(), {
      noNullPrototype: true,
    }) as fc.Arbitrary<Record<string, unknown>>,
  }),
  fc.record({
    type: fc.constant('data' as const),
    stream: fc.integer({ min: 1, max: 5 }),
    data: fc.uint8Array({ minLength: 1, maxLength: 5000 }),
  }),
  fc.record({ type: fc.constant('end' as const), stream: fc.integer({ min: 1, max: 5 }) }),
)

test('what is encoded decodes to the same, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (frames, places) => {
      const decoded = decode(split(Buffer.concat(frames.map(encode)), places))
      // As JSON has it: -0 is 0 there.
      const asSent = (frame: Frame): unknown => JSON.parse(JSON.stringify(plain(frame)))
      expect(decoded.frames.map(asSent)).toEqual(frames.map(asSent))
      expect(decoded.empty).toBe(true)
    }),
  )
})

test('any bytes give frames or a protocol error, the same for every cut', () => {
  const outcome = (chunks: Iterable<Buffer>): unknown => {
    try {
      const { frames, empty } = decode(chunks)
      return { frames: frames.map(plain), empty }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return error.message
    }
  }
  // Bytes alone would hardly ever get past a header.
  const nearlyFrames = fc
    .tuple(fc.array(anyFrame, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat({ max: 255 }))
    .map(([frames, at, byte]) => {
      const bytes = Buffer.concat(frames.map(encode))
      bytes[at % bytes.length] = byte
      return bytes
    })
  const anyBytes = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    nearlyFrames,
  )
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat(), { maxLength: 5 }), (bytes, places) => {
      expect(outcome(split(bytes, places))).toEqual(outcome([bytes]))
    }),
    { numRuns: 1000 },
  )
})

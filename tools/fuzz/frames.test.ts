import { expect, test } from 'vitest'
import { Decoder, encode, maxPayloadBytes } from '../../src/base/frames.ts'
import { fuzzFrames } from './frames.ts'

test('hostile bytes give what a plain decoder gives, however they are cut; npm run fuzz:frames has a million cases', () => {
  const { frames, refused, cut } = fuzzFrames({ seed: 1, cases: 20_000 })
  // All three kinds of end are really met.
  expect(Math.min(frames, refused, cut)).toBeGreaterThan(2000)
})

test('a frame that comes a byte at a time costs memory for its bytes, not for its pieces', () => {
  const data = Buffer.alloc(maxPayloadBytes, 7)
  const bytes = encode({ type: 'data', stream: 2, data })
  const decoder = new Decoder()
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external
  const before = used()
  for (let at = 0; at < bytes.length - 1; at++) decoder.push(Buffer.from(bytes.subarray(at, at + 1)))
  expect((used() - before) >> 20).toBeLessThan(64)
  const [frame] = decoder.push(bytes.subarray(-1))
  expect(frame?.type === 'data' && Buffer.from(frame.data).equals(data)).toBe(true)
})

import { expect, test } from 'vitest'
import { stream } from '../base/frames.ts'
import { kindOf } from './framekind.ts'

test('frames are called what the protocol calls them', () => {
  expect(kindOf({ type: 'control', message: { op: 'exec', argv: ['secret'] } })).toBe('exec')
  expect(kindOf({ type: 'data', stream: stream.upload, data: Buffer.from('x') })).toBe('upload')
  expect(kindOf({ type: 'end', stream: stream.stdout })).toBe('end of stdout')
})

test('what a guest says beyond the protocol is not repeated', () => {
  for (const op of ['<script>', 'x'.repeat(1000), 7, null, undefined, {}]) {
    expect(kindOf({ type: 'control', message: { op } })).toBe('unknown')
  }
  expect(kindOf({ type: 'data', stream: 99, data: Buffer.from('x') })).toBe('unknown')
})

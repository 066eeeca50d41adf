import { expect, test } from 'vitest'
import { after, spokenOf } from './frames.ts'

test('frames that were left out are counted where they are missing', () => {
  const frame = (number: number) => ({ number, at_ms: 0, from: 'guest' as const, kind: 'stdout', bytes: 1 })
  expect(spokenOf([1, 2, 90].map(frame)).map(({ gap }) => gap)).toEqual([0, 0, 87])
})

test('each kind of frame is explained where it comes first', () => {
  const kinds = ['hello', 'stdout', 'stdout', 'exit']
  const frames = kinds.map((kind, at) => ({ number: at + 1, at_ms: 0, from: 'guest' as const, kind, bytes: 1 }))
  expect(spokenOf(frames).map(({ meaning }) => meaning !== undefined)).toEqual([true, true, false, true])
})

test('what a vm was told before it was asked for has a time before', () => {
  expect([after(-1500), after(0), after(12.34)]).toEqual(['−1.50 s', '+0 ms', '+12 ms'])
})

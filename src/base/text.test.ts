import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { textOf } from './text.ts'

test('bytes are one text, wherever they are cut', async () => {
  const bytes = Buffer.from('käse €')
  expect(await textOf(Readable.from([...bytes].map((byte) => Buffer.from([byte]))))).toBe('käse €')
  expect(await textOf(Readable.from([]))).toBe('')
})

test('half a character at the end is told as one that is none', async () => {
  expect(await textOf(Readable.from([Buffer.from('€').subarray(0, 2)]))).toBe('\u{fffd}')
})

import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { textOf } from './text.ts'

test('bytes are one text, wherever they are cut', async () => {
  const bytes = Buffer.from('käse €')
  expect(await textOf(Readable.from([...bytes].map((byte) => Buffer.from([byte]))))).toBe('käse €')
  expect(await textOf(Readable.from([]))).toBe('')
})

test('bytes that are no text are refused, half a character at the end too', async () => {
  const refused = 'is not text in UTF-8'
  await expect(textOf(Readable.from([Buffer.from([0x89, 0x50, 0xff])]))).rejects.toThrow(refused)
  await expect(textOf(Readable.from([Buffer.from('€').subarray(0, 2)]))).rejects.toThrow(refused)
})

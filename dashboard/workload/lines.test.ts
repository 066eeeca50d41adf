import { expect, test } from 'vitest'
import { Lines } from './lines.ts'

const shown = (lines: Lines) =>
  Array.from({ length: lines.end - lines.first }, (_, at) => {
    const line = lines.first + at
    return `${lines.streamOf(line)}: ${lines.textOf(line)}`
  })

test('lines and characters that lie across parts come together, each stream for itself', () => {
  const lines = new Lines()
  lines.take('stdout', { text: 'one\ntw' })
  lines.take('stderr', { text: 'oops\n' })
  lines.take('stdout', { text: 'o\n\nlast' })
  const bytes = new TextEncoder().encode('€')
  lines.take('stdout', { base64: bytes.slice(0, 1).toBase64() })
  lines.take('stdout', { base64: bytes.slice(1).toBase64() })
  expect(shown(lines)).toEqual(['stdout: one', 'stdout: two', 'stderr: oops', 'stdout: ', 'stdout: last€'])
  expect(lines.bytes).toBe('one\ntwo\n\nlast'.length + 3 + 'oops\n'.length)
})

test('a colour goes on over lines of its own stream alone', () => {
  const lines = new Lines()
  lines.take('stdout', { text: '\u001B[31mred\n' })
  lines.take('stderr', { text: 'plain\n' })
  lines.take('stdout', { text: 'still red\u001B[0m\nnot any more\n' })
  expect([0, 1, 2, 3].map((line) => lines.lookOf(line))).toEqual([{}, {}, { fg: 1 }, {}])
})

test('a line without an end is cut, so that nothing stalls on it, and no character is lost', () => {
  const lines = new Lines()
  for (let part = 0; part < 10; part += 1) lines.take('stdout', { text: 'x'.repeat(65_536) })
  const lengths = shown(lines).map((line) => line.length - 'stdout: '.length)
  expect(Math.max(...lengths)).toBe(8192)
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(655_360)
})

test('more lines than are kept: the first are given up, the numbers stay', () => {
  const lines = new Lines({ most: 100 })
  for (let line = 0; line < 250; line += 1) lines.take('stdout', { text: `${line}\n` })
  expect(lines.end).toBe(250)
  expect(lines.end - lines.first).toBeLessThanOrEqual(100)
  expect(lines.textOf(lines.first)).toBe(String(lines.first))
  expect(lines.textOf(249)).toBe('249')
})

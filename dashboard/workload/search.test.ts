import { expect, test } from 'vitest'
import { Lines } from './lines.ts'
import { marked, matchesIn } from './search.ts'

test('lines with the words are found, whatever the case and the colours', () => {
  const lines = new Lines()
  lines.take('stdout', { text: 'An Error\nfine\ner\u001B[31mror again\n' })
  expect([...matchesIn(lines, 'ERROR')]).toEqual([0, 2])
  expect([...matchesIn(lines, 'error', 1)]).toEqual([2])
  expect([...matchesIn(lines, 'absent')]).toEqual([])
})

test('what stands in an expression for something else stands for itself', () => {
  const lines = new Lines()
  lines.take('stdout', { text: 'a.b\naxb\n[x] (y)? {z} $1 c:\\d|e^f*g+h\n' })
  expect([...matchesIn(lines, 'A.B')]).toEqual([0])
  for (const words of ['[x]', '(y)?', '{z}', '$1', 'c:\\d|', 'E^F*G+'])
    expect([...matchesIn(lines, words)]).toEqual([2])
})

test('a long search pauses between slices', () => {
  const lines = new Lines()
  lines.take('stdout', { text: 'x\n'.repeat(1200) })
  expect([...matchesIn(lines, 'y')]).toEqual([undefined, undefined])
})

test('matches are marked in place', () => {
  expect(marked('abcABc', 'ab')).toEqual([
    { text: 'ab', found: true },
    { text: 'c', found: false },
    { text: 'AB', found: true },
    { text: 'c', found: false },
  ])
  expect(marked('abc', '')).toEqual([{ text: 'abc', found: false }])
})

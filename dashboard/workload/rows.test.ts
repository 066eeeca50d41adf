import { expect, test } from 'vitest'
import { Lines } from './lines.ts'
import { cut, Rows, startsOf } from './rows.ts'

function linesOf(...texts: readonly string[]): Lines {
  const lines = new Lines()
  for (const text of texts) lines.take('stdout', { text: `${text}\n` })
  return lines
}

const all = (rows: Rows) => Array.from({ length: rows.count }, (_, row) => rows.rowAt(row))

test('without wrapping a line is a row', () => {
  const rows = new Rows(linesOf('a', 'b'.repeat(1000)), { columns: undefined, shown: 'both' })
  rows.update()
  expect(all(rows)).toEqual([
    { line: 0, part: 0 },
    { line: 1, part: 0 },
  ])
})

test('wrapped, a line has as many rows as its characters need, escapes not counted', () => {
  const coloured = `\u001B[31m${'c'.repeat(10)}\u001B[0m`
  const rows = new Rows(linesOf('', 'b'.repeat(21), coloured), { columns: 10, shown: 'both' })
  rows.update()
  expect(all(rows)).toEqual([
    { line: 0, part: 0 },
    { line: 1, part: 0 },
    { line: 1, part: 1 },
    { line: 1, part: 2 },
    { line: 2, part: 0 },
  ])
  expect(rows.rowOf(2)).toBe(4)
  expect(rows.rowAt(5)).toBeUndefined()
})

test('rows follow lines that come and lines that grow', () => {
  const lines = linesOf('one')
  const rows = new Rows(lines, { columns: 4, shown: 'both' })
  rows.update()
  lines.take('stdout', { text: 'grow' })
  rows.update()
  expect(rows.count).toBe(2)
  lines.take('stdout', { text: 'ing\nnext' })
  rows.update()
  expect(all(rows).map((row) => row?.line)).toEqual([0, 1, 1, 2])
})

test('a line of one stream grows long after the other has gone on', () => {
  const lines = new Lines()
  const rows = new Rows(lines, { columns: 10, shown: 'both' })
  lines.take('stderr', { text: 'working' })
  lines.take('stdout', { text: 'x\n'.repeat(2000) })
  rows.update()
  expect(rows.count).toBe(2001)
  lines.take('stderr', { text: '.'.repeat(10) })
  rows.update()
  expect(rows.count).toBe(2002)
  expect(rows.rowOf(1)).toBe(2)
})

test('one stream alone can be shown', () => {
  const lines = linesOf('out')
  lines.take('stderr', { text: 'err\n' })
  const rows = new Rows(lines, { columns: undefined, shown: 'stderr' })
  rows.update()
  expect(all(rows)).toEqual([{ line: 1, part: 0 }])
})

test('most of a million lines are laid out again after each part without going through them all', () => {
  const lines = new Lines()
  const rows = new Rows(lines, { columns: 80, shown: 'both' })
  const thousand = `${'x'.repeat(63)}\n`.repeat(1000)
  for (let part = 0; part < 800; part += 1) {
    lines.take('stdout', { text: thousand })
    rows.update()
  }
  expect(rows.count).toBe(800_000)
  expect(rows.rowAt(799_999)).toEqual({ line: 799_999, part: 0 })
})

test('what is laid out in slices comes to the same, whatever comes meanwhile', () => {
  const lines = linesOf('a'.repeat(25), 'b', 'c'.repeat(12))
  lines.take('stderr', { text: 'grow' })
  const [whole, sliced] = [1, 2].map(() => new Rows(lines, { columns: 10, shown: 'both' })) as [Rows, Rows]
  expect(sliced.update(2)).toBe(false)
  expect(sliced.count).toBe(4)
  lines.take('stdout', { text: 'd\ne\n' })
  expect(sliced.update(2)).toBe(false)
  lines.take('stderr', { text: 'ing over its row' })
  while (!sliced.update(2));
  whole.update()
  expect(all(sliced)).toEqual(all(whole))
})

test('lines are wrapped behind words, and through those that are too long', () => {
  const rowsOf = (text: string, columns: number) =>
    startsOf(text, columns).map((from, at, all) => text.slice(from, all[at + 1]))
  expect(rowsOf('one two three four', 9)).toEqual(['one two ', 'three ', 'four'])
  expect(rowsOf('a'.repeat(10), 4)).toEqual(['aaaa', 'aaaa', 'aa'])
  expect(rowsOf('exact', 5)).toEqual(['exact'])
  expect(rowsOf('exact ', 5)).toEqual(['exact '])
  expect(rowsOf('', 5)).toEqual([''])
})

test('pieces are cut by characters', () => {
  const pieces = [
    { text: 'abc', look: {} },
    { text: 'def', look: { fg: 1 } },
  ]
  expect(cut(pieces, 2, 4)).toEqual([
    { text: 'c', look: {} },
    { text: 'd', look: { fg: 1 } },
  ])
})

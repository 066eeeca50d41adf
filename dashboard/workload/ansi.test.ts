import { expect, test } from 'vitest'
import { piecesOf, textOf } from './ansi.ts'

const esc = '\u001B'

test('text without escapes is one piece, and nothing is none', () => {
  expect(piecesOf('plain')).toEqual({ pieces: [{ text: 'plain', look: {} }], end: {} })
  expect(piecesOf('').pieces).toEqual([])
})

test('colours and styles begin and end where they say, also over the end of a line', () => {
  const { pieces, end } = piecesOf(`a${esc}[1;31mb${esc}[22mc${esc}[0md${esc}[92me`)
  expect(pieces).toEqual([
    { text: 'a', look: {} },
    { text: 'b', look: { bold: true, fg: 1 } },
    { text: 'c', look: { fg: 1 } },
    { text: 'd', look: {} },
    { text: 'e', look: { fg: 10 } },
  ])
  expect(end).toEqual({ fg: 10 })
  expect(piecesOf('next', end).pieces).toEqual([{ text: 'next', look: { fg: 10 } }])
})

test('256 colours and true colours, and an empty sequence that resets', () => {
  const looks = (codes: string) => piecesOf(`${esc}[${codes}mx`).pieces[0]?.look
  expect(looks('38;5;9')).toEqual({ fg: 9 })
  expect(looks('38;5;196')).toEqual({ fg: 'rgb(255 0 0)' })
  expect(looks('48;5;232')).toEqual({ bg: 'rgb(8 8 8)' })
  expect(looks('38;2;1;2;3;1')).toEqual({ fg: 'rgb(1 2 3)', bold: true })
  expect(piecesOf(`${esc}[31ma${esc}[mb`).pieces[1]?.look).toEqual({})
})

test('what a terminal would obey is left out: titles, movements, bells, links', () => {
  const hostile = `${esc}]0;title\u0007a${esc}[2Jb${esc}]8;;http://x${esc}\\c\u0007${esc}[1`
  expect(textOf(hostile)).toBe('abc')
  expect(
    piecesOf(hostile)
      .pieces.map(({ text }) => text)
      .join(''),
  ).toBe('abc')
})

test('a carriage return begins the line anew; one at the end is a line break of old', () => {
  expect(textOf('10%\r20%\r30%')).toBe('30%')
  expect(textOf('done\r')).toBe('done')
})

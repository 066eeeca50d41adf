import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCharacter } from '../base/testing.ts'
import { facts, table, type Column } from './tables.ts'
import { cut, fold, foldLines, json, visible, visibleLines, widthOf, wrap } from './text.ts'

const columns: readonly Column[] = [{ head: 'ID' }, { head: 'NAME', min: 6 }, { head: 'LABELS', min: 8 }]
const row = ['0123456789', 'a name of 20 letters', 'team=red stage=production']
const linesOf = (text: string) => text.trimEnd().split('\n')

describe('a table', () => {
  test('without a terminal is aligned and cut nowhere', () => {
    expect(table(columns, [row, ['x', '', 'y']])).toBe(
      [
        'ID          NAME                  LABELS',
        '0123456789  a name of 20 letters  team=red stage=production',
        'x                                 y',
        '',
      ].join('\n'),
    )
  })

  test('gives way from the right, down to the least width, then whole columns go; what names a thing stays', () => {
    expect(linesOf(table(columns, [row], 59))[1]).toBe('0123456789  a name of 20 letters  team=red stage=production')
    expect(linesOf(table(columns, [row], 58))[1]).toBe('0123456789  a name of 20 letters  team=red stage=producti…')
    expect(linesOf(table(columns, [row], 42))[1]).toBe('0123456789  a name of 20 letters  team=re…')
    expect(linesOf(table(columns, [row], 30))[1]).toBe('0123456789  a name…   team=re…')
    expect(linesOf(table(columns, [row], 27))).toEqual(['ID          NAME', '0123456789  a name of 20 l…'])
    expect(linesOf(table(columns, [row], 12))).toEqual(['ID', '0123456789'])
  })

  test('where what names a thing has no room, each row is a block of its cells, in full', () => {
    const other = ['9876543210', 'a name', '']
    expect(linesOf(table(columns, [row, other], 9))).toEqual([
      'id:',
      '  0123456',
      '  789',
      'name: a',
      '  name of',
      '  20',
      '  letters',
      'labels:',
      '  team=re',
      '  d',
      '  stage=p',
      '  roducti',
      '  on',
      '',
      'id:',
      '  9876543',
      '  210',
      'name: a',
      '  name',
    ])
    const staying = columns.map((column) => (column.head === 'NAME' ? { ...column, stays: true as const } : column))
    expect(linesOf(table(staying, [row], 18))[1]).toBe('0123456789  a nam…')
    expect(linesOf(table(staying, [row], 17))).toEqual([
      'id: 0123456789',
      'name: a name of',
      '  20 letters',
      'labels:',
      '  team=red',
      '  stage=productio',
      '  n',
    ])
    expect(table(columns, [], 24)).toBe('ID  NAME  LABELS\n')
  })

  test('keeps its alignment and its width with characters that are wide, combined or pictures', () => {
    const rows = [
      ['日本語', 'é', 'x'],
      ['👩‍👩‍👧', '한글', 'y'],
    ]
    expect(linesOf(table(columns, rows))).toEqual(['ID      NAME  LABELS', '日本語  é     x', '👩‍👩‍👧      한글  y'])
  })

  test('never shows a control character of its cells, and is as wide as it shows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constant('id'), fc.string({ unit: anyCharacter }), fc.string({ unit: 'grapheme' }))),
        fc.integer({ min: 20, max: 120 }),
        (rows, width) => {
          const lines = table(columns, rows, width).split('\n')
          expect(lines).toHaveLength(rows.length + 2)
          for (const line of lines) {
            expect(line).not.toMatch(/[\p{Cc}\u202A-\u202E]/u)
            expect(widthOf(line)).toBeLessThanOrEqual(width)
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})

test('facts stand behind their names, or below each other where an id would not fit there', () => {
  const rows = [
    ['id', '01890a5d-ac96-774b-bcce-b302099a8057'],
    ['what', 'all that there is to say of it, and\n more'],
  ] as const
  expect(linesOf(facts(rows))).toEqual([
    'id    01890a5d-ac96-774b-bcce-b302099a8057',
    'what  all that there is to say of it, and\\n more',
  ])
  expect(linesOf(facts(rows, 42))).toEqual([
    'id    01890a5d-ac96-774b-bcce-b302099a8057',
    'what  all that there is to say of it,',
    '      and\\n more',
  ])
  expect(linesOf(facts(rows, 40))).toEqual([
    'id: 01890a5d-ac96-774b-bcce-b302099a8057',
    'what: all that there is to say of it,',
    '  and\\n more',
  ])
})

describe('text on a terminal', () => {
  test.each([
    ['plain', 5],
    ['\u001B[31mred\u001B[39m', 3],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｶﾅ', 2],
    ['カナ', 4],
    ['ＡＢ', 4],
    ['❤️', 2],
    ['❤', 1],
    ['🇩🇪', 2],
    ['…', 1],
    ['\u200B', 0],
  ])('%j takes %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  test('is cut between characters as people see them', () => {
    expect(cut('漢字漢字', 5)).toBe('漢字…')
    expect(cut('漢字漢字', 4)).toBe('漢…')
    expect(cut('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…')
    expect(cut('abc', 3)).toBe('abc')
    expect(cut('abc', 0)).toBe('')
  })

  test('is broken between words', () => {
    expect(wrap('a bc def 漢字 averylongword x', 6)).toEqual(['a bc', 'def', '漢字', 'averylongword', 'x'])
    expect(wrap('as it is', Infinity)).toEqual(['as it is'])
  })

  test('and within words that are longer, where it must fit', () => {
    expect(fold('a bc averylongword x 漢字漢字', 5)).toEqual(['a bc', 'avery', 'longw', 'ord x', '漢字', '漢字'])
    expect(foldLines('fits\n  does not fit here\n', 10)).toBe('fits\n  does\n    not\n    fit\n    here\n')
  })

  test('what a terminal would obey is written out, in JSON as well, which stays what it was', () => {
    const hostile = 'a\u001B]0;title\u0007\u009B2J\u202Ex\r\nb'
    expect(visible(hostile)).toBe('a\\x1b]0;title\\x07\\x9b2J\\u202ex\\r\\nb')
    expect(visibleLines('one\ntwo\u0007')).toBe('one\ntwo\\x07')
    expect(json({ hostile })).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/)
    expect(JSON.parse(json({ hostile }))).toEqual({ hostile })
  })
})

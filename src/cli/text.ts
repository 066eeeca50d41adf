/** Text on a terminal: how wide it is, how it is cut, and what of it must never get there raw. Pure. */
import { stripVTControlCharacters } from 'node:util'

/** Controls move the cursor or give orders to the terminal; marks of direction show a text as another one. */
const unsafe = /[\p{Cc}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu
const unsafeInJson = /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Somebody else's text with everything that a terminal would obey written out: `\x1b`, `\n`, `\u202e`. */
export function visible(text: string): string {
  return text.replaceAll(unsafe, (found) => named[found] ?? escape(found))
}

/** The same, but lines stay lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n')
}

/** A value as one JSON document of several lines; what JSON leaves raw and a terminal obeys is escaped. */
export function json(value: unknown): string {
  return `${inJson(JSON.stringify(value, null, 2))}\n`
}

/** A value as JSON in one line. */
export function jsonLine(value: unknown): string {
  return `${inJson(JSON.stringify(value))}\n`
}

const inJson = (text: string): string => text.replaceAll(unsafeInJson, (found) => `\\u${hex(found).padStart(4, '0')}`)

const hex = (character: string): string => character.charCodeAt(0).toString(16)

function escape(character: string): string {
  const digits = hex(character)
  return digits.length > 2 ? `\\u${digits.padStart(4, '0')}` : `\\x${digits.padStart(2, '0')}`
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const wide =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303E\u30FB-\u30FC\uFF01-\uFF60\uFFE0-\uFFE6]/u
const halfwidth = /^[\uFF61-\uFFDC]/
const empty = /^[\p{M}\p{Cf}\p{Cc}]+$/u
/** Asks for the picture of a character that is text otherwise. */
const picture = '\uFE0F'

/** Columns that a text without line ends takes on a terminal; colours take none. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) width += widthOfGrapheme(segment)
  return width
}

function widthOfGrapheme(grapheme: string): number {
  if (empty.test(grapheme)) return 0
  if (halfwidth.test(grapheme)) return 1
  return wide.test(grapheme) || grapheme.includes(picture) ? 2 : 1
}

/** A text of at most that many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += widthOfGrapheme(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return columns < 1 ? '' : `${kept.trimEnd()}…`
}

/** A text as lines of at most that many columns, broken between words; a longer word has a line of its own. */
export function wrap(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (widthOf(line) + 1 + widthOf(word) <= columns) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** The same, with longer words broken. */
export function fold(text: string, columns: number): string[] {
  return wrap(
    text
      .split(' ')
      .flatMap((word) => pieces(word, columns))
      .join(' '),
    columns,
  )
}

/** A word in pieces of that many columns; one, and an empty one, of a word that is no longer. */
function pieces(word: string, columns: number): string[] {
  if (widthOf(word) <= columns) return [word]
  const found = ['']
  let width = 0
  for (const { segment } of graphemes.segment(word)) {
    const more = widthOfGrapheme(segment)
    if (width + more > columns && width > 0) {
      found.push('')
      width = 0
    }
    found[found.length - 1] += segment
    width += more
  }
  return found
}

/** Lines as they are where they fit into that many columns; what is left of the others set in below their beginning. */
export function foldLines(text: string, columns: number): string {
  const fitted = text.split('\n').flatMap((line) => {
    if (widthOf(line) <= columns) return [line]
    const words = line.trimStart()
    const indent = line.length - words.length
    const [first = '', ...more] = fold(words, columns - indent - 2)
    return [' '.repeat(indent) + first, ...more.map((part) => ' '.repeat(indent + 2) + part)]
  })
  return fitted.join('\n')
}

/** A text filled with spaces up to that many columns. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)))
}

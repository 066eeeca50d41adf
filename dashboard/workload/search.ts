/** Search in a log, a slice at a time, so that the page answers while most of a million lines are looked through. */
import type { Lines } from './lines.ts'

/** Matches that are told one by one; more are only a number too large to walk through. */
export const mostMatches = 10_000

const sliceLines = 500

/** Numbers of the lines in which the words stand, whatever their case, from the first line or `from`. */
export function* matchesIn(lines: Lines, words: string, from = 0): Generator<number | undefined> {
  // Unlike a copy in lower case of each of a million lines, this leaves nothing to collect.
  const wanted = new RegExp(words.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`), 'iu')
  let found = 0
  for (let line = Math.max(from, lines.first); line < lines.end && found < mostMatches; line += 1) {
    if (wanted.test(lines.textOf(line))) {
      found += 1
      yield line
    }
    // Whoever drives this may take a breath.
    if (line % sliceLines === sliceLines - 1) yield undefined
  }
}

export interface Mark {
  readonly text: string
  readonly found: boolean
}

/** A text in parts, those that match apart. */
export function marked(text: string, words: string): Mark[] {
  if (words === '') return [{ text, found: false }]
  const marks: Mark[] = []
  const lower = text.toLowerCase()
  // Where lower case has another length, positions would not fit.
  if (lower.length !== text.length) return [{ text, found: false }]
  const wanted = words.toLowerCase()
  let at = 0
  for (let next = lower.indexOf(wanted); next >= 0; next = lower.indexOf(wanted, at)) {
    if (next > at) marks.push({ text: text.slice(at, next), found: false })
    marks.push({ text: text.slice(next, next + wanted.length), found: true })
    at = next + wanted.length
  }
  if (at < text.length) marks.push({ text: text.slice(at), found: false })
  return marks
}

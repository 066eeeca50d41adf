/**
 * Which rows of the screen a log has: all of one height, so that where a row lies is a product and a million of them cost
 * nothing. A line that is wrapped has as many as its characters need. Pure.
 */
import type { Piece } from './ansi.ts'
import type { Lines, StreamName } from './lines.ts'

/** Which streams are shown. */
export type Shown = 'both' | StreamName

export interface Layout {
  /** Characters of a row; undefined where lines are not wrapped. */
  readonly columns: number | undefined
  readonly shown: Shown
}

export interface Row {
  readonly line: number
  /** Which piece of its line, from 0. */
  readonly part: number
}

/** Grows with its lines; another layout needs another one. */
export class Rows {
  readonly #lines: Lines
  readonly #layout: Layout
  /** Lines that are shown, and where each begins, in rows. */
  #shown: number[] = []
  #starts: number[] = []
  #seen: number
  /** Lines that had no end at the last look, with the rows that they had then. */
  #open = new Map<number, number>()
  #count = 0

  constructor(lines: Lines, layout: Layout) {
    this.#lines = lines
    this.#layout = layout
    this.#seen = lines.first
  }

  get count(): number {
    return this.#count
  }

  /** Characters of a row, where lines are wrapped. */
  get columns(): number | undefined {
    return this.#layout.columns
  }

  /** Takes account of lines that came since, at most so many, and of those that have grown. False where there are more. */
  update(most = Infinity): boolean {
    const { first, end } = this.#lines
    if (this.#shown.length > 0 && (this.#shown[0] ?? 0) < first) this.#restart(first)
    const grown = [...this.#open].filter(([line, rows]) => this.#rowsOf(line) !== rows)
    this.#back(Math.max(first, Math.min(this.#seen, ...grown.map(([line]) => line))))
    const to = Math.min(end, this.#seen + most)
    for (let line = this.#seen; line < to; line += 1) this.#add(line)
    this.#seen = to
    const open = this.#lines.open.filter((line) => line < to)
    this.#open = new Map(open.map((line) => [line, this.#rowsOf(line)]))
    return to === end
  }

  rowAt(row: number): Row | undefined {
    if (row < 0 || row >= this.#count) return undefined
    const index = lastAtMost(this.#starts, row)
    return { line: this.#shown[index] ?? 0, part: row - (this.#starts[index] ?? 0) }
  }

  /** The first row of a line, or of the next one that is shown. */
  rowOf(line: number): number {
    const index = lastAtMost(this.#shown, line)
    return this.#starts[Math.max(0, index)] ?? 0
  }

  #restart(first: number): void {
    this.#shown = []
    this.#starts = []
    this.#count = 0
    this.#seen = first
  }

  #back(to: number): void {
    while (this.#shown.length > 0 && (this.#shown.at(-1) ?? 0) >= to) {
      this.#shown.pop()
      this.#count = this.#starts.pop() ?? 0
    }
    this.#seen = Math.min(this.#seen, to)
  }

  #add(line: number): void {
    const rows = this.#rowsOf(line)
    if (rows === 0) return
    this.#shown.push(line)
    this.#starts.push(this.#count)
    this.#count += rows
  }

  /** None where its stream is not shown. */
  #rowsOf(line: number): number {
    const { shown, columns } = this.#layout
    if (shown !== 'both' && this.#lines.streamOf(line) !== shown) return 0
    const raw = columns === undefined ? '' : this.#lines.rawOf(line)
    // Escapes only make a line longer than it looks: one that fits as it is needs no closer look.
    const long = columns !== undefined && (raw.length > columns || raw.includes('\t'))
    return long ? startsOf(this.#lines.textOf(line), columns).length : 1
  }
}

/** Index of the last element that is at most the value, in ascending numbers; -1 where all are above. */
function lastAtMost(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * Where the rows of a wrapped line begin, in characters: behind a blank where there is one not too far back, else where
 * the row is full.
 */
export function startsOf(text: string, columns: number): number[] {
  const starts = [0]
  for (let at = 0; at + columns < text.length;) {
    const blank = text.lastIndexOf(' ', at + columns)
    at = blank >= at + columns / 2 ? blank + 1 : at + columns
    // Only blanks were left, which the row before has taken.
    if (at >= text.length) break
    starts.push(at)
  }
  return starts
}

/** The part of a line's pieces that lies between two of its characters. */
export function cut(pieces: readonly Piece[], from: number, to: number): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (const { text, look } of pieces) {
    const part = text.slice(Math.max(0, from - at), Math.max(0, to - at))
    if (part !== '') found.push({ text: part, look })
    at += text.length
  }
  return found
}

/** Rows as an aligned table, and facts as lines, that fit the terminal. Pure. */
import { cut, fold, foldLines, pad, visible, widthOf } from './text.ts'

export interface Column {
  readonly head: string
  /** Columns of the terminal that it keeps when room is short; without it, it is never cut. */
  readonly min?: number
  /** It may be cut but never goes: without it a row says nothing. */
  readonly stays?: true
}

/** Between two columns. */
const gap = '  '

/**
 * Cells are anybody's text and come out with control characters written out. With `width` no line is longer, as far as
 * that can be: the important columns stand left, so those that may be cut give way from the right, down to their least
 * width, and then go altogether. Where there is no room for those that stay, each row is a block of `name: value` lines.
 * Without it (no terminal) nothing is cut.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width?: number): string {
  const cells = [columns.map(({ head }) => head), ...rows.map((row) => row.map(visible))]
  const natural = columns.map((_, at) => Math.max(...cells.map((row) => widthOf(row[at] ?? ''))))
  const widths = width === undefined ? natural : fitting(columns, natural, width)
  if (width !== undefined && total(widths) > width) {
    return cells
      .slice(1)
      .map((row) => blockOf(columns, row, width))
      .join('\n')
  }
  return cells
    .map((row) =>
      widths
        .flatMap((columns, at) => (columns === 0 ? [] : [pad(cut(row[at] ?? '', columns), columns)]))
        .join(gap)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

/** One row, of which an empty cell says nothing. */
function blockOf(columns: readonly Column[], row: readonly string[], width: number): string {
  const pairs = columns.map(({ head }, at) => [head.toLowerCase(), row[at] ?? ''] as const)
  return pairs.flatMap(([name, value]) => (value === '' ? [] : [`${foldLines(`${name}: ${value}`, width)}\n`])).join('')
}

/** Columns of an id: in two pieces it is of no use. */
const idWidth = 36

/** Facts with their names before them, aligned where there is room; with `width` no line is longer, as far as that can be. */
export function facts(rows: readonly (readonly [name: string, value: string])[], width = Infinity): string {
  const names = Math.max(...rows.map(([name]) => widthOf(name))) + gap.length
  const linesOf = (name: string, value: string): string[] =>
    width - names < idWidth
      ? [foldLines(`${name}: ${value}`, width)]
      : fold(value, width - names).map((line, at) => pad(at === 0 ? name : '', names) + line)
  return rows.flatMap(([name, value]) => linesOf(name, visible(value)).map((line) => `${line}\n`)).join('')
}

/** The width of each column; 0 for those there is no room for. */
function fitting(columns: readonly Column[], natural: readonly number[], room: number): number[] {
  const widths = [...natural]
  const least = columns.map(({ min }, at) => Math.min(min ?? Infinity, natural[at] ?? 0))
  const elastic = columns.flatMap(({ min }, at) => (min === undefined ? [] : [at])).reverse()
  for (const at of elastic.filter((at) => !columns[at]?.stays)) {
    if (total(widths.map((width, other) => (width === 0 ? 0 : (least[other] ?? 0)))) <= room) break
    widths[at] = 0
  }
  for (const at of elastic) {
    const over = total(widths) - room
    if (over > 0 && widths[at] !== 0) widths[at] = Math.max(least[at] ?? 0, (widths[at] ?? 0) - over)
  }
  return widths
}

function total(widths: readonly number[]): number {
  const shown = widths.filter((width) => width > 0)
  return shown.reduce((sum, width) => sum + width, gap.length * Math.max(0, shown.length - 1))
}

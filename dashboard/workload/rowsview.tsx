/** The rows of the output that are in sight. */
import { memo, type CSSProperties } from 'react'
import { piecesOf, type Look } from './ansi.ts'
import type { Lines } from './lines.ts'
import { cut, startsOf, type Rows } from './rows.ts'
import { marked } from './search.ts'
import { tallOf } from './tall.ts'
import type { Sight } from './window.ts'

interface RowsViewProps {
  readonly lines: Lines
  readonly rows: Rows
  readonly sight: Sight
  /** What is searched for, to be marked. */
  readonly words: string
  /** Nothing more comes. */
  readonly ended: boolean
}

export function RowsView({ lines, rows, sight, words, ended }: RowsViewProps) {
  const drawn = Array.from({ length: Math.max(0, sight.to - sight.from) }, (_, at) => sight.from + at)
  return (
    // A region that scrolls must be reachable by the keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div
      className="output"
      ref={sight.ref}
      onScroll={sight.onScroll}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label="Output"
    >
      <div className="output-whole" style={{ height: tallOf(Math.max(6, rows.count)) }}>
        {drawn.map((row) => {
          const place = rows.rowAt(row)
          if (!place) return null
          const { line, part } = place
          const [from, to] = spanOf(lines.textOf(line), part, rows.columns)
          return (
            <RowView
              key={row}
              top={sight.topOf(row)}
              raw={lines.rawOf(line)}
              look={lines.lookOf(line)}
              isError={lines.streamOf(line) === 'stderr'}
              number={part === 0 ? line + 1 : undefined}
              from={from}
              to={to}
              words={words}
            />
          )
        })}
      </div>
      {rows.count === 0 && <p className="output-none">{ended ? 'No output.' : 'No output yet.'}</p>}
    </div>
  )
}

/** The characters of a row, from and to. */
function spanOf(text: string, part: number, columns: number | undefined): readonly [number, number] {
  if (columns === undefined) return [0, Infinity]
  const starts = startsOf(text, columns)
  return [starts[part] ?? 0, starts[part + 1] ?? Infinity]
}

interface RowProps {
  readonly top: number
  readonly raw: string
  readonly look: Look
  readonly isError: boolean
  readonly number: number | undefined
  readonly from: number
  readonly to: number
  readonly words: string
}

const RowView = memo(function RowView({ top, raw, look, isError, number, from, to, words }: RowProps) {
  const pieces = cut(piecesOf(raw, look).pieces, from, to)
  return (
    <div className="row" data-error={isError || undefined} style={{ top }}>
      <span className="row-number" aria-hidden="true">
        {number}
      </span>
      <span className="row-text">
        {isError && number !== undefined && <span className="visually-hidden">stderr: </span>}
        {pieces.map((piece, at) => (
          // Pieces have no name but their place.
          // oxlint-disable-next-line react/no-array-index-key
          <span key={at} className={classesOf(piece.look)} style={colours(piece.look)}>
            {marked(piece.text, words).map((mark, index) =>
              // oxlint-disable-next-line react/no-array-index-key
              mark.found ? <mark key={index}>{mark.text}</mark> : mark.text,
            )}
          </span>
        ))}
      </span>
    </div>
  )
})

function classesOf({ fg, bg, bold, dim, italic, underline, inverse, strike }: Look): string | undefined {
  const names = [
    typeof fg === 'number' && `fg-${fg}`,
    typeof bg === 'number' && `bg-${bg}`,
    bold && 'bold',
    dim && 'dim',
    italic && 'italic',
    underline && 'underline',
    strike && 'strike',
    inverse && 'inverse',
  ].filter((name) => typeof name === 'string')
  return names.length > 0 ? names.join(' ') : undefined
}

function colours({ fg, bg }: Look): CSSProperties | undefined {
  if (typeof fg !== 'string' && typeof bg !== 'string') return undefined
  return { ...(typeof fg === 'string' && { color: fg }), ...(typeof bg === 'string' && { background: bg }) }
}

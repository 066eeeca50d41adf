/** The rows of a log as somebody wants to see them. */
import { useEffect, useMemo, useState } from 'react'
import { Turn } from '../turn.ts'
import type { Lines } from './lines.ts'
import { type Layout, Rows } from './rows.ts'

/** Lines that are laid out between two looks at the clock. */
const sliceLines = 500

/**
 * For another layout all lines are laid out anew, in turns: until then the rows are those of the layout before.
 * `version` counts up when lines came.
 */
export function useRows(lines: Lines, { columns, shown }: Layout, version: number): Rows {
  const [rows, setRows] = useState(() => new Rows(lines, { columns, shown }))
  useEffect(() => {
    const stop = new AbortController()
    const layOut = async () => {
      const next = new Rows(lines, { columns, shown })
      const turn = new Turn()
      while (!stop.signal.aborted && !next.update(sliceLines)) await turn.pass()
      if (!stop.signal.aborted) setRows(next)
    }
    void layOut()
    return () => stop.abort(new Error('another layout is wanted'))
  }, [lines, columns, shown])
  return useMemo(() => {
    // With the news alone: of a rendering that comes to nothing React drops the effects, though what it saw counts as seen.
    void version
    rows.update()
    return rows
  }, [rows, version])
}

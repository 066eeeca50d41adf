/** The rows of a long list that are in sight, all of one height. */
import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import { insideOf, rowPx, topOf } from './tall.ts'

/** Rows above and below that are there already when somebody scrolls. */
const spare = 12

export interface Sight {
  readonly ref: RefObject<HTMLDivElement | null>
  /** First and one more than the last row to draw. */
  readonly from: number
  readonly to: number
  /** Pixels inside. */
  readonly width: number
  /** Where in the element a row lies. */
  readonly topOf: (row: number) => number
  readonly scrollTo: (row: number) => void
  readonly onScroll: () => void
}

/** `follow`: stay at the end; `onFollow` is told when somebody scrolls away from it or back to it. */
export function useSight(o: { count: number; follow: boolean; onFollow: (follow: boolean) => void }): Sight {
  const { count, follow, onFollow } = o
  const ref = useRef<HTMLDivElement>(null)
  const { box, measure, keep } = useBox(ref, count)
  useLayoutEffect(() => {
    if (!follow) keep()
    else if (ref.current) ref.current.scrollTop = ref.current.scrollHeight
    // The end may be another row at the same place.
    measure(follow)
  }, [count, follow, keep, measure])
  const last = useRef(0)
  const onScroll = () => {
    const element = ref.current
    if (!element) return
    const upwards = element.scrollTop < last.current - 2
    const downwards = element.scrollTop > last.current + 2
    last.current = element.scrollTop
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowPx
    if (upwards && follow && !atEnd) onFollow(false)
    if (downwards && !follow && atEnd) onFollow(true)
    measure()
  }
  const scrollTo = (row: number) => {
    if (!ref.current) return
    const { clientHeight: height } = ref.current
    ref.current.scrollTop = topOf(Math.max(0, row * rowPx - height / 2), { count, height })
  }
  const { top, inside, height, width } = box
  const from = Math.max(0, Math.floor(inside / rowPx) - spare)
  const to = Math.min(count, Math.ceil((inside + height) / rowPx) + spare)
  return { ref, from, to, width, topOf: (row) => row * rowPx + Math.round(top - inside), scrollTo, onScroll }
}

interface Box {
  /** Where the element is scrolled to, and which pixel of all rows that is. */
  readonly top: number
  readonly inside: number
  readonly height: number
  readonly width: number
}

function useBox(ref: RefObject<HTMLDivElement | null>, count: number) {
  const [box, setBox] = useState<Box>({ top: 0, inside: 0, height: 400, width: 800 })
  /** Where somebody scrolled to: it stays there when more rows come, though the element may stand for them at another place. */
  const place = useRef({ top: 0, inside: 0 })
  const measure = useCallback(
    (anew = false) => {
      const element = ref.current
      if (!element) return
      const { scrollTop: top, clientHeight: height, clientWidth: width } = element
      if (anew || top !== place.current.top) place.current = { top, inside: insideOf(top, { count, height }) }
      const seen = { ...place.current, height, width }
      setBox((old) => (isSame(old, seen) ? old : seen))
    },
    [ref, count],
  )
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => measure())
    if (ref.current) watch.observe(ref.current)
    return () => watch.disconnect()
  }, [ref, measure])
  const keep = useCallback(() => {
    const element = ref.current
    const { top: before, inside } = place.current
    if (element?.scrollTop !== before) return
    const top = topOf(inside, { count, height: element.clientHeight })
    if (top === before) return
    element.scrollTop = top
    place.current = { top: element.scrollTop, inside }
  }, [ref, count])
  return { box, measure, keep }
}

const isSame = (a: Box, b: Box): boolean =>
  a.top === b.top && a.inside === b.inside && a.height === b.height && a.width === b.width

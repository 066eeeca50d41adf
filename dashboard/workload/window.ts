/** The rows of a long list that are in sight, all of one height. */
import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react'

export const rowPx = 20
/** Rows above and below that are there already when somebody scrolls. */
const spare = 12

export interface Sight {
  readonly ref: RefObject<HTMLDivElement | null>
  /** First and one more than the last row to draw. */
  readonly from: number
  readonly to: number
  /** Pixels inside. */
  readonly width: number
  readonly scrollTo: (row: number) => void
  readonly onScroll: () => void
}

/** `follow`: stay at the end; `onFollow` is told when somebody scrolls away from it or back to it. */
export function useSight(o: { count: number; follow: boolean; onFollow: (follow: boolean) => void }): Sight {
  const { count, follow, onFollow } = o
  const ref = useRef<HTMLDivElement>(null)
  const [box, setBox] = useState({ top: 0, height: 400, width: 800 })
  const measure = useCallback(() => {
    const element = ref.current
    if (!element) return
    const { scrollTop: top, clientHeight: height, clientWidth: width } = element
    setBox((old) => (old.top === top && old.height === height && old.width === width ? old : { top, height, width }))
  }, [])
  useLayoutEffect(() => {
    const watch = new ResizeObserver(measure)
    if (ref.current) watch.observe(ref.current)
    return () => watch.disconnect()
  }, [measure])
  useLayoutEffect(() => {
    if (follow && ref.current) ref.current.scrollTop = ref.current.scrollHeight
    measure()
  }, [count, follow, measure])
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
    if (ref.current) ref.current.scrollTop = Math.max(0, row * rowPx - ref.current.clientHeight / 2)
  }
  const from = Math.max(0, Math.floor(box.top / rowPx) - spare)
  const to = Math.min(count, Math.ceil((box.top + box.height) / rowPx) + spare)
  return { ref, from, to, width: box.width, scrollTo, onScroll }
}

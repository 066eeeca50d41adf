/** Lines over time. Told in words beside, for whoever cannot see them. */
import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import { names, type Series } from './series.ts'

const colours = {
  light: { text: '#495057', grid: '#e3e6ea', lines: ['#1864ab', '#9a3412', '#5f3dc4'] },
  dark: { text: '#b3b8bf', grid: '#30343a', lines: ['#74b0e6', '#fb783c', '#b197fc'] },
}

const heightPx = 200
/** What the chart spans at least. */
const leastSeconds = 60

export function Chart({ series, label }: { series: Series; label: string }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(null)
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    const element = place.current!
    const chart = new UPlot(optionsOf(colours[scheme], element.clientWidth), [[]], element)
    plot.current = chart
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: heightPx }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      chart.destroy()
    }
  }, [scheme])
  useEffect(() => {
    const last = series.at.at(-1) ?? 0
    plot.current?.setData([[...series.at], ...names.map((name) => [...series.values[name]])], false)
    plot.current?.setScale('x', { min: Math.min(series.at[0] ?? last, last - leastSeconds), max: last })
  }, [series, scheme])
  return <div ref={place} className="chart" role="img" aria-label={label} />
}

/** The day goes without saying: the chart spans half an hour. */
const timesOf = (_: UPlot, seconds: readonly number[]): string[] =>
  seconds.map((at) => new Date(at * 1000).toLocaleTimeString([], { timeStyle: 'medium' }))

function optionsOf({ text, grid, lines }: (typeof colours)['light'], width: number): UPlot.Options {
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } }
  return {
    width,
    height: heightPx,
    cursor: { drag: { x: false, y: false } },
    legend: { show: true, live: false },
    scales: {
      x: { auto: false },
      y: { range: (_, _min, max) => [0, Math.max(4, max + 1)] },
    },
    axes: [
      { ...axis, space: 80, values: timesOf },
      { ...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
    ],
    series: [{}, ...names.map((label, at) => ({ label, stroke: lines[at] ?? text, width: 2 }))],
  }
}

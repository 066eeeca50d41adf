/** The series of a soak as one SVG: a small chart for each, with its trend in words. Pure. */
import type { Point, Trend } from './slope.ts'

export interface Series {
  readonly name: string
  readonly points: readonly Point[]
  readonly trend: Trend
  readonly flat: boolean
}

const [width, height, columns, gap] = [300, 110, 3, 24] as const

export function picture(series: readonly Series[], o: { title: string; restartsAt: readonly number[] }): string {
  const rows = Math.ceil(series.length / columns)
  const size = [columns * (width + gap) + gap, rows * (height + 60) + 60] as const
  const charts = series.map((one, at) => {
    const [x, y] = [gap + (at % columns) * (width + gap), 50 + Math.floor(at / columns) * (height + 60)]
    return `<g transform="translate(${x} ${y})">${chart(one, o.restartsAt)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="${gap}" y="28" font-size="16">${escaped(o.title)}</text>
${charts.join('\n')}
</svg>
`
}

function chart({ name, points, trend, flat }: Series, restartsAt: readonly number[]): string {
  const most = Math.max(1, ...points.map(({ value }) => value))
  const lastAt = Math.max(1, ...points.map(({ at }) => at))
  const x = (at: number) => ((at / lastAt) * width).toFixed(1)
  const y = (value: number) => (height - (value / most) * height).toFixed(1)
  const line = points.map(({ at, value }) => `${x(at)},${y(value)}`).join(' ')
  const restarts = restartsAt.map(
    (at) => `<line x1="${x(at)}" x2="${x(at)}" y1="0" y2="${height}" stroke="#bbb" stroke-dasharray="3"/>`,
  )
  const words = `${name}: median ${short(trend.median)}, grown by ${short(trend.grown)}`
  return `<text y="-6" fill="${flat ? '#222' : '#b00'}">${escaped(words)}</text>
<rect width="${width}" height="${height}" fill="none" stroke="#ddd"/>${restarts.join('')}
<polyline points="${line}" fill="none" stroke="${flat ? '#1f6feb' : '#b00'}" stroke-width="1.5"/>
<text x="${width}" y="12" text-anchor="end" fill="#777">${short(most)}</text>
<text x="${width}" y="${height + 14}" text-anchor="end" fill="#777">${(lastAt / 60).toFixed(0)} min</text>`
}

const short = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

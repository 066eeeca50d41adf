/** What the command line says and shows: its own words and progress on stderr, results on stdout. */
import type { Progress, ProgressStep } from '../base/progress.ts'
import type { Level } from '../base/say.ts'
import { cut, visible, visibleLines } from './text.ts'

export interface Screen {
  readonly isTerminal: boolean
  readonly columns: number
  write(text: string): void
}

/** What stands before each line of a note. */
export type Mark = (level: Level) => string

interface Active {
  readonly title: string
  readonly begun: number
  detail: string
  shownAt: number
}

/** Milliseconds between redraws of the live lines. */
const redrawMs = 200
/** Milliseconds between plain lines about a step that goes on. */
const plainEveryMs = 20_000

/** On a terminal each running step is a live line with its elapsed time; elsewhere steps are plain lines. */
export class Terminal implements Progress {
  readonly #screen: Screen
  readonly #active: Active[] = []
  #mark: Mark = () => ''
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** More lines than one are set in: a line of somebody else's words must not look like one of ours. */
  note(text: string, level: Level = 'info'): void {
    this.#erase()
    const lines = `vulcan: ${visibleLines(text)}`.split('\n').map((line, n) => (n === 0 ? line : `  ${line}`))
    this.#screen.write(lines.map((line) => `${this.#mark(level)}${line}\n`).join(''))
    this.#draw()
  }

  /** From now on it is a log: notes have marks, where nobody looks on. */
  keepLog(mark: Mark): void {
    if (!this.#screen.isTerminal) this.#mark = mark
  }

  async step<T>(title: string, body: (step: ProgressStep) => Promise<T>): Promise<T> {
    const active: Active = { title, begun: performance.now(), detail: '', shownAt: performance.now() }
    this.#begin(active)
    try {
      const result = await body({
        update: (detail) => {
          active.detail = detail
        },
      })
      this.#finish(active, 'done')
      return result
    } catch (error) {
      this.#finish(active, 'failed')
      throw error
    }
  }

  #begin(active: Active): void {
    this.#active.push(active)
    if (!this.#screen.isTerminal) this.#screen.write(`vulcan: ${active.title} ...\n`)
    // The timer alone keeps no process alive.
    this.#timer ??= setInterval(() => this.#tick(), redrawMs).unref()
    if (this.#screen.isTerminal) this.#tick()
  }

  #finish(active: Active, how: 'done' | 'failed'): void {
    this.#erase()
    this.#active.splice(this.#active.indexOf(active), 1)
    const took = performance.now() - active.begun
    this.#screen.write(`vulcan: ${active.title} ... ${how}${how === 'done' ? ' in' : ' after'} ${duration(took)}\n`)
    if (this.#active.length === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    this.#draw()
  }

  #tick(): void {
    if (this.#screen.isTerminal) {
      this.#erase()
      this.#draw()
      return
    }
    const now = performance.now()
    for (const active of this.#active) {
      if (now - active.shownAt < plainEveryMs) continue
      active.shownAt = now
      this.#screen.write(`vulcan: ${line(active, now)}\n`)
    }
  }

  #erase(): void {
    if (this.#drawn > 0) this.#screen.write(`\u001B[${this.#drawn}A\u001B[J`)
    this.#drawn = 0
  }

  #draw(): void {
    if (!this.#screen.isTerminal) return
    const now = performance.now()
    for (const active of this.#active) {
      this.#screen.write(`${cut(`vulcan: ${line(active, now)}`, this.#screen.columns - 1)}\n`)
    }
    this.#drawn = this.#active.length
  }
}

function line(active: Active, now: number): string {
  const detail = active.detail ? `, ${visible(active.detail)}` : ''
  return `${active.title} ... ${duration(now - active.begun)}${detail}`
}

/** 12 s, 3 min, 5 h, 9 d: how long ago something was, in the space of a column. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/** 0.4 s, 12 s, 3 min 5 s. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

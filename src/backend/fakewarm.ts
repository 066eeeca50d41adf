/** What the fake backend says that it keeps: what the directives `template` and `ready` of its runs told it to. */
import type { Directive } from './fakescript.ts'
import type { PoolLine, PoolState, TemplateState, Usual } from './warm.ts'

export class FakeWarm {
  readonly #templates = new Map<string, TemplateState>()
  readonly #lines = new Map<string, PoolLine>()

  build(of: readonly Usual[]): void {
    for (const usual of of) this.note(usual, [{ word: 'template', rest: '' }])
  }

  note({ runtime, resources, network }: Usual, script: readonly Directive[]): void {
    const { cpus, memMib, diskMib } = resources
    const kind = { runtime, vcpus: Math.ceil(cpus), memMib, diskMib }
    for (const { word, rest } of script) {
      if (word === 'template') {
        const nic = network.mode !== 'none'
        this.#templates.set(JSON.stringify(kind), { ...kind, nic, ...madeOf(rest, memMib) })
      }
      if (word !== 'ready') continue
      const ready = Number(rest)
      this.#lines.set(JSON.stringify(kind), { ...kind, network: network.mode, ready, slots: 0, wanted: ready })
    }
  }

  templates(): readonly TemplateState[] {
    return [...this.#templates.values()]
  }

  pool(): PoolState {
    return { lines: [...this.#lines.values()], most: 2, memMib: 2048 }
  }

  drain(): number {
    const count = [...this.#lines.values()].reduce((sum, { ready }) => sum + ready, 0)
    this.#lines.clear()
    return count
  }
}

/** `why`: empty where it was made. */
function madeOf(why: string, memMib: number): Pick<TemplateState, 'state' | 'bytes' | 'madeAt' | 'reason'> {
  if (why !== '') return { state: 'failed', reason: why }
  return { state: 'ready', bytes: memMib << 20, madeAt: Date.now() }
}

/** For tests: Prometheus's text format, read back. */

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export class Scrape {
  readonly text: string
  readonly #samples: readonly Sample[]

  constructor(text: string) {
    this.text = text
    this.#samples = text.split('\n').flatMap((line) => {
      const [, name, labels = '', value] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) return []
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, word]) => [label, word] as const)
      return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }]
    })
  }

  /** Sum of all samples of that name with those labels; undefined when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const fitting = this.#samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([label, word]) => sample.labels[label] === word),
    )
    return fitting.length === 0 ? undefined : fitting.reduce((sum, { value }) => sum + value, 0)
  }

  /** Names of all samples and, for each, of its labels. */
  names(): ReadonlyMap<string, ReadonlySet<string>> {
    const names = new Map<string, Set<string>>()
    for (const { name, labels } of this.#samples) {
      const known = names.get(name) ?? new Set()
      names.set(name, known.union(new Set(Object.keys(labels))))
    }
    return names
  }

  /** Every value that a label has somewhere. */
  words(): string[] {
    return this.#samples.flatMap(({ labels }) => Object.values(labels))
  }
}

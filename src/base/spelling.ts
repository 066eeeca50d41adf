/** Which known word a misspelt one may mean. Pure. */

/** Letters to put in, leave out or change until one word is the other. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1]
    for (const [j, other] of b.split('').entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** The known word with the fewest letters to change; the first of several. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return known.toSorted((a, b) => distance(word, a) - distance(word, b))[0]
}

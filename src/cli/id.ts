/** Ids as they are typed. An empty one, as an unset variable leaves it, would ask for something else. */
import { InvalidArgumentError } from '@commander-js/extra-typings'

/** Throws where it is empty. */
export function idOf(word: string): string {
  if (word.trim() === '') throw new InvalidArgumentError('It is empty.')
  return word
}

/** One more of several. */
export const idsOf = (word: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  idOf(word),
]

/** The search field of the output, and the walk through what it found. */
import { ActionIcon, Group, Text, TextInput } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { Turn } from '../turn.ts'
import type { Lines } from './lines.ts'
import { matchesIn, mostMatches } from './search.ts'

interface FinderState {
  readonly words: string
  readonly setWords: (words: string) => void
  readonly found: readonly number[]
  /** Index among those found; -1 before the first step. */
  readonly at: number
  readonly step: (by: 1 | -1) => void
}

/** Searches anew when the words change, and goes on when lines came. `onGo` is told the line to show. */
export function useMatches(lines: Lines, version: number, onGo: (line: number) => void): FinderState {
  const [words, setWords] = useState('')
  const [found, setFound] = useState<readonly number[]>([])
  const [at, setAt] = useState(-1)
  const reached = useRef({ words: '', lines, end: 0 })
  useEffect(() => {
    let goesOn = true
    const { current } = reached
    const same = current.words === words && current.lines === lines
    // The last line may have grown since.
    const from = same ? Math.max(0, current.end - 1) : 0
    if (!same) {
      setFound([])
      setAt(-1)
    }
    if (words === '') {
      reached.current = { words, lines, end: 0 }
      return undefined
    }
    void collect(matchesIn(lines, words, from), () => goesOn).then((more) => {
      if (!goesOn) return
      reached.current = { words, lines, end: lines.end }
      if (more.length > 0 || !same) setFound((old) => [...old.filter((line) => same && line < from), ...more])
    })
    return () => {
      goesOn = false
    }
  }, [words, lines, version])
  const step = (by: 1 | -1) => {
    if (found.length === 0) return
    const next = (Math.max(at, by === 1 ? -1 : 0) + by + found.length) % found.length
    setAt(next)
    onGo(found[next] ?? 0)
  }
  return { words, setWords, found, at, step }
}

async function collect(matches: Iterable<number | undefined>, goesOn: () => boolean): Promise<number[]> {
  const found: number[] = []
  const turn = new Turn()
  for (const line of matches) {
    if (line !== undefined) found.push(line)
    else {
      await turn.pass()
      if (!goesOn()) break
    }
  }
  return found
}

export function Finder({ finder }: { finder: FinderState }) {
  const { words, setWords, found, at, step } = finder
  const count = found.length >= mostMatches ? `${mostMatches}+` : String(found.length)
  return (
    <Group gap={4} wrap="nowrap" className="finder">
      <TextInput
        size="xs"
        type="search"
        aria-label="Search the output"
        placeholder="Search"
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1)
        }}
      />
      {words !== '' && (
        <>
          <Text size="sm" role="status" className="finder-count">
            {at >= 0 ? `${at + 1} of ${count}` : `${count} found`}
          </Text>
          <ActionIcon variant="default" aria-label="Previous match" onClick={() => step(-1)}>
            ↑
          </ActionIcon>
          <ActionIcon variant="default" aria-label="Next match" onClick={() => step(1)}>
            ↓
          </ActionIcon>
        </>
      )}
    </Group>
  )
}

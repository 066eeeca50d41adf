import { expect, test } from 'vitest'
import { sweptWords } from './swept.ts'

test('what was removed is named with its owner, and what was not with the reason', () => {
  const found = [
    { kind: 'netns', name: '/run/netns/v-1', why: 'its name', owner: 'run 7' },
    { kind: 'mount', name: '/jails/v-1/root', why: 'its place', owner: 'unknown', trouble: 'it is busy' },
  ] as const
  expect(sweptWords(found)).toBe(
    [
      'removed 1 of 2 things that had no owner:',
      'netns /run/netns/v-1 of run 7',
      'mount /jails/v-1/root of unknown: it is busy',
    ].join('\n'),
  )
})

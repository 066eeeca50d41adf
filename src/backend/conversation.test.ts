import { expect, test } from 'vitest'
import { Transcript } from './conversation.ts'

const said = (count: number) => {
  const transcript = new Transcript()
  for (let n = 1; n <= count; n += 1) transcript.note({ from: 'guest', kind: 'stdout', bytes: n })
  const { frames, ...whole } = transcript.toRecord()
  return { numbers: frames.map(({ number }) => number), ...whole }
}
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, at) => first + at)

test('a short conversation is kept whole', () => {
  expect(said(0)).toEqual({ numbers: [], count: 0, bytes: 0 })
  expect(said(3)).toEqual({ numbers: [1, 2, 3], count: 3, bytes: 6 })
  for (const count of [39, 40, 41, 79, 80]) expect(said(count).numbers).toEqual(upTo(count))
})

test('of a long one the beginning and the end are kept, in order, and all of it is counted', () => {
  for (const count of [81, 119, 120, 121, 100_000]) {
    expect(said(count)).toMatchObject({ numbers: [...upTo(40), ...upTo(count, count - 39)], count })
  }
})

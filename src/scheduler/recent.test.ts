import { expect, test } from 'vitest'
import { Recent } from './recent.ts'

const entry = (id: number, bytes = 1) => ({ id, kind: 'stdout', data: Buffer.alloc(bytes, id % 256) }) as const
const idsAfter = (recent: Recent, id: number) => recent.after(id)?.map((one) => one.id)

test('entries are kept while somebody follows, and who is further behind than they reach is told nothing', () => {
  const recent = new Recent()
  recent.add(entry(1))
  expect(recent.after(0)).toBeUndefined()
  {
    using _first = recent.follow()
    using _second = recent.follow()
    for (const id of [2, 3, 4]) recent.add(entry(id))
    expect([0, 1, 3, 4].map((id) => idsAfter(recent, id))).toEqual([undefined, [2, 3, 4], [4], []])
  }
  expect(recent.after(3)).toBeUndefined()
})

test('what is kept is bounded by number and by size, and is no view of what came', () => {
  const recent = new Recent()
  using _following = recent.follow()
  const data = Buffer.from('a')
  recent.add({ id: 1, kind: 'stdout', data })
  data.write('b')
  expect(recent.after(0)?.[0]?.data.toString()).toBe('a')
  for (let id = 2; id <= 300; id += 1) recent.add(entry(id))
  expect(recent.after(43)).toBeUndefined()
  expect(idsAfter(recent, 44)).toHaveLength(256)
  for (let id = 301; id <= 310; id += 1) recent.add(entry(id, 64 << 10))
  expect(recent.after(305)).toBeUndefined()
  expect(idsAfter(recent, 306)).toEqual([307, 308, 309, 310])
})

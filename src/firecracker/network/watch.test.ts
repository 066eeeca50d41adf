import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Denial, Denials } from '../../backend/denial.ts'
import { RefusalBooks } from './watch.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const [own, another] = ['10.88.0.5', '10.88.0.6']
const denial = (port: number, more: Partial<Denial> = {}): Denial => ({
  ...{ address: '10.1.2.3', port, protocol: 'tcp', rule: 'private', count: 1, firstAt: 5000 },
  ...more,
})

/** RefusalBooks that say what the test puts into them, and which were asked for: undefined for all. */
function shelf() {
  const said = new Map<string, Denials>()
  const troubles: unknown[] = []
  const played = { said, troubles, asked: [] as (string | undefined)[], broken: false }
  const books = new RefusalBooks({
    everyMs: 100,
    onTrouble: (error) => troubles.push(error),
    read: (address) => {
      played.asked.push(address)
      return played.broken ? Promise.reject(new Error('no nft')) : Promise.resolve(said)
    },
  })
  return { books, played }
}

async function all(news: AsyncIterable<Denial>): Promise<number[]> {
  const ports: number[] = []
  for await (const { port } of news) ports.push(port ?? 0)
  return ports
}

test('each destination is news once, to its own guest, and counts go on', async () => {
  const { books, played } = shelf()
  const [book, other] = [await books.watch(own), await books.watch(another)]
  played.said.set(own, { known: [denial(1)], others: 0 })
  await vi.advanceTimersByTimeAsync(100)
  expect(book.denials).toEqual({ known: [denial(1)], others: 0 })
  played.said.set(own, { known: [denial(1, { count: 4, firstAt: 5900 }), denial(2)], others: 3 })
  await vi.advanceTimersByTimeAsync(100)
  expect(book.denials).toEqual({ known: [denial(1, { count: 4 }), denial(2)], others: 3 })
  expect(other.denials).toBeUndefined()
  for (const each of [book, other]) each.close()
  expect(await all(book.news)).toEqual([1, 2])
  expect(await all(other.news)).toEqual([])
})

test('packets that cannot be counted for a moment end nothing: whoever may have sent some is looked at', async () => {
  const { books, played } = shelf()
  let broken = false
  const sent = () => (broken ? Promise.reject(new Error('EMFILE: too many open files')) : Promise.resolve('0'))
  const book = await books.watch(own, { isNew: true, sent })
  await vi.advanceTimersByTimeAsync(500)
  expect(played.asked).toEqual([])
  broken = true
  await vi.advanceTimersByTimeAsync(100)
  expect(played.asked).toEqual([undefined])
  broken = false
  played.said.set(own, { known: [denial(1)], others: 0 })
  await vi.advanceTimersByTimeAsync(100)
  broken = true
  await book.finish()
  expect(await all(book.news)).toEqual([1])
})

test('at the end nobody looks for what a guest was refused that has sent nothing', async () => {
  const { books, played } = shelf()
  const counts: Record<string, number> = { [own]: 0, [another]: 0 }
  const watched = (address: string) =>
    books.watch(address, { isNew: true, sent: () => Promise.resolve(String(counts[address])) })
  const [silent, other] = [await watched(own), await watched(another)]
  counts[another] = 1
  for (const book of [silent, other]) await book.finish()
  expect(played.asked).toEqual([another])
  expect(await all(silent.news)).toEqual([])
})

test('nobody looks while guests send nothing; what is sent is looked for twice, since it may have been on its way', async () => {
  const { books, played } = shelf()
  let packets = 5
  const traffic = { isNew: false, sent: () => Promise.resolve(String(packets)) }
  const book = await books.watch(own, traffic)
  const looksIn = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    return played.asked.splice(0).length
  }
  expect(await looksIn(200), 'what was sent before is not known to be in the book').toBe(2)
  expect(await looksIn(1000)).toBe(0)
  packets += 1
  expect(await looksIn(1000)).toBe(2)
  const another = await books.watch('10.88.0.7')
  expect(await looksIn(300), 'of one nothing is known').toBe(3)
  for (const each of [book, another]) each.close()
})

test('the last look finds what came since the one before, in that guest’s book alone', async () => {
  const { books, played } = shelf()
  const [book, other] = [await books.watch(own), await books.watch(another)]
  for (const address of [own, another]) played.said.set(address, { known: [denial(9)], others: 0 })
  await book.finish()
  expect([book.denials?.known, other.denials]).toEqual([[denial(9)], undefined])
  expect(played.asked).toEqual([own])
  expect(await all(book.news)).toEqual([9])
})

test('a look that takes longer than the time between two is waited for', async () => {
  const slow = Promise.withResolvers<ReadonlyMap<string, Denials>>()
  let looks = 0
  const read = () => {
    looks += 1
    return slow.promise
  }
  const books = new RefusalBooks({ everyMs: 100, read, onTrouble: (error) => expect.fail(String(error)) })
  const book = await books.watch(own)
  await vi.advanceTimersByTimeAsync(1000)
  expect(looks).toBe(1)
  slow.resolve(new Map())
  await vi.advanceTimersByTimeAsync(100)
  expect(looks).toBe(2)
  book.close()
})

test('what another than the firewall refused is news at once, and no news again at the next look', async () => {
  const { books, played } = shelf()
  const book = await books.watch(own)
  const name = { ...denial(1), host: 'other.example', protocol: 'dns' }
  books.note('10.88.0.99', denial(2))
  books.note(own, name)
  expect([book.denials?.known, played.asked]).toEqual([[name], []])
  played.said.set(own, { known: [{ ...name, count: 7 }], others: 0 })
  await book.finish()
  const told: Denial[] = []
  for await (const each of book.news) told.push(each)
  expect([told, book.denials?.known[0]?.count]).toEqual([[name], 7])
})

test('nobody looks while nobody is watched', async () => {
  const { books, played } = shelf()
  await vi.advanceTimersByTimeAsync(1000)
  expect(played.asked).toEqual([])
  const book = await books.watch(own)
  await vi.advanceTimersByTimeAsync(100)
  book.close()
  await vi.advanceTimersByTimeAsync(1000)
  expect(played.asked).toEqual([undefined])
})

test('books that cannot be read keep no run from its end, and are news once until they can', async () => {
  const { books, played } = shelf()
  const book = await books.watch(own)
  played.said.set(own, { known: [denial(1)], others: 0 })
  await vi.advanceTimersByTimeAsync(100)
  played.broken = true
  await vi.advanceTimersByTimeAsync(300)
  expect(played.troubles).toHaveLength(1)
  played.broken = false
  await vi.advanceTimersByTimeAsync(100)
  played.broken = true
  await book.finish()
  expect(played.troubles).toHaveLength(2)
  expect(book.denials?.known).toEqual([denial(1)])
})

import { decode, encode, RECURSION_DESIRED, type DecodedPacket, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerTo, type Fault, faultAnswer, mostQueryBytes, type Query, readQuery } from './dnsquery.ts'

const asking = (more: Packet = {}): Buffer =>
  encode({
    ...{ type: 'query', id: 7, flags: RECURSION_DESIRED },
    questions: [{ type: 'A', class: 'IN', name: 'PyPI.example' }],
    ...more,
  })
const query = (bytes = asking()): Query => readQuery(bytes) as Query
const edns = (udpPayloadSize: number) =>
  ({ additionals: [{ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] }] }) as unknown as Packet
const answered = (bytes: Buffer) => decode(bytes) as DecodedPacket & { rcode: string }

test('an answer repeats its question as it was asked, with the addresses and their time', () => {
  const said = answered(answerTo(query(), { rcode: 'NOERROR', addresses: ['192.0.2.1', '192.0.2.2'], ttl: 60 }))
  expect(said).toMatchObject({
    id: 7,
    type: 'response',
    rcode: 'NOERROR',
    flag_rd: true,
    flag_ra: true,
    flag_tc: false,
  })
  expect(said.questions).toEqual([{ type: 'A', class: 'IN', name: 'PyPI.example' }])
  expect(said.answers).toMatchObject([
    { type: 'A', name: 'PyPI.example', ttl: 60, data: '192.0.2.1' },
    { type: 'A', name: 'PyPI.example', ttl: 60, data: '192.0.2.2' },
  ])
  expect(said.additionals).toEqual([])
})

test('who speaks EDNS is answered in it, and told of larger datagrams', () => {
  expect(query(asking(edns(4096)))).toMatchObject({ edns: true, most: 1232 })
  expect(query(asking(edns(100)))).toMatchObject({ most: 512 })
  const said = answered(answerTo(query(asking(edns(4096))), { rcode: 'NXDOMAIN', addresses: [], ttl: 0 }))
  expect([said.rcode, said.additionals?.[0]?.type]).toEqual(['NXDOMAIN', 'OPT'])
})

test('what does not fit a datagram says so, and comes whole by TCP', () => {
  const addresses = Array.from({ length: 40 }, (_, n) => `192.0.2.${n + 1}`)
  const short = answered(answerTo(query(), { rcode: 'NOERROR', addresses, ttl: 1 }))
  expect([short.flag_tc, short.answers]).toEqual([true, []])
  const whole = answered(answerTo(query(), { rcode: 'NOERROR', addresses, ttl: 1 }, 0xffff))
  expect([whole.flag_tc, whole.answers?.length]).toEqual([false, 40])
})

test.each<[string, Buffer, Fault['rcode']]>([
  ['another kind of request', asking({ flags: 5 << 11 }), 'NOTIMP'],
  ['no question', asking({ questions: [] }), 'FORMERR'],
  ['two questions', asking({ questions: [1, 2].map(() => ({ type: 'A', name: 'a.example' }) as const) }), 'FORMERR'],
  ['answers in a question', asking({ answers: [{ type: 'A', name: 'a', data: '192.0.2.1' }] }), 'FORMERR'],
  [
    'records that are not there',
    Buffer.concat([asking().subarray(0, 4), Buffer.from('0001ffffffffffff', 'hex')]),
    'FORMERR',
  ],
  ['a name that ends in the middle', asking().subarray(0, 20), 'FORMERR'],
  ['a name that points at itself', Buffer.from('000701000001000000000000c00c00010001', 'hex'), 'FORMERR'],
  ['a name that no host has', asking({ questions: [{ type: 'A', name: 'a\n\u001b[2J.example' }] }), 'FORMERR'],
])('%s is answered by saying so', (_, bytes, rcode) => {
  const fault = readQuery(bytes) as Fault
  expect(fault).toMatchObject({ rcode, id: 7 })
  expect(answered(faultAnswer(fault))).toMatchObject({ id: 7, rcode, type: 'response', questions: [] })
})

test.each([
  ['an answer', encode({ type: 'response', id: 7 })],
  ['less than a header', Buffer.alloc(11)],
  ['more than any query', Buffer.alloc(mostQueryBytes + 1)],
])('%s is not worth one', (_, bytes) => {
  expect(readQuery(bytes)).toBeUndefined()
})

test('whatever a guest sends is read or refused, and its answer is no longer than it may be', () => {
  const flip = (bytes: Buffer, changes: readonly (readonly [number, number])[]) => {
    const changed = Buffer.from(bytes)
    for (const [at, value] of changes) changed[at % changed.length] = value
    return changed
  }
  const byte = fc.integer({ min: 0, max: 255 })
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))
  const nearly = fc
    .array(fc.tuple(fc.nat(200), byte), { maxLength: 8 })
    .map((changes) => flip(asking(edns(1232)), changes))
  fc.assert(
    fc.property(fc.oneof(anything, nearly), (bytes) => {
      const read = readQuery(bytes)
      if (!read) return
      if ('rcode' in read) expect(faultAnswer(read)).toHaveLength(12)
      else {
        const said = answerTo(read, { rcode: 'NOERROR', addresses: ['192.0.2.1'], ttl: 1 })
        expect(said.length).toBeLessThanOrEqual(read.most)
        expect(decode(said).questions?.[0]?.name).toBe(read.question.name)
      }
    }),
    { numRuns: 20_000 },
  )
})

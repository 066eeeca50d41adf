/** DNS as our name server speaks it: one question in, addresses or a refusal out. Pure; what comes in is a guest's, and hostile. */
import { AUTHENTIC_DATA, CHECKING_DISABLED, decode, encode, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet'
import type { OptAnswer, Packet, Question } from 'dns-packet'

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
export type Rcode = keyof typeof rcodes

export interface Query {
  readonly id: number
  /** Those of the query, of which an answer repeats some. */
  readonly flags: number
  /** As it was asked: whoever asks in mixed case wants it back so. */
  readonly question: Question
  /** Bytes that an answer by UDP may have. */
  readonly most: number
  /** It speaks EDNS, so an answer does too. */
  readonly edns: boolean
}

/** What cannot be answered otherwise than by saying so. */
export interface Fault extends Pick<Query, 'id' | 'flags'> {
  readonly rcode: Rcode
}

export interface Answer {
  readonly rcode: Rcode
  readonly addresses: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

/** Of a query, in bytes; a name has 255 at most. */
export const mostQueryBytes = 1232
const headerBytes = 12
/** What goes through without being cut into fragments; without EDNS it is less. */
const mostDatagram = { plain: 512, edns: 1232 } as const

/** Reads what a guest sent; undefined where it is no query, and not worth an answer. */
export function readQuery(bytes: Buffer): Query | Fault | undefined {
  if (bytes.length < headerBytes || bytes.length > mostQueryBytes) return undefined
  const [id, flags] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)]
  if (flags & 0x8000) return undefined
  if (flags & 0x7800) return { id, flags, rcode: 'NOTIMP' }
  // The decoder makes room for as many records as the header claims.
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at)).join(' ')
  if (!/^1 0 0 [0-2]$/.test(counts)) return { id, flags, rcode: 'FORMERR' }
  let packet: Packet
  try {
    packet = decode(bytes)
  } catch {
    // The codec throws bare errors, and only of what is no DNS.
    return { id, flags, rcode: 'FORMERR' }
  }
  const [question] = packet.questions ?? []
  if (!question || !isWritten(question.name)) return { id, flags, rcode: 'FORMERR' }
  const opt = packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT')
  const most = opt ? Math.min(mostDatagram.edns, Math.max(mostDatagram.plain, opt.udpPayloadSize)) : mostDatagram.plain
  return { id, flags, question, most, edns: opt !== undefined }
}

/** True where a name's text says what its bytes did: a dot within a part of it would make another of it. */
const isWritten = (name: string): boolean =>
  name === '.' || /^[\x21-\x2d\x2f-\x7e]+(\.[\x21-\x2d\x2f-\x7e]+)*$/.test(name)

export const faultAnswer = ({ id, flags, rcode }: Fault): Buffer =>
  encode({ type: 'response', id, flags: answering(flags, rcode) })

/** An answer of that many bytes at most; one that would be longer says that it is cut off, which has it asked for by TCP. */
export function answerTo(query: Query, answer: Answer, most = query.most): Buffer {
  const { id, question, edns } = query
  const { name } = question
  const flags = answering(query.flags, answer.rcode)
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: mostDatagram.edns,
    flags: 0,
    options: [],
  } as unknown as OptAnswer
  const packet: Packet = { type: 'response', id, flags, questions: [question], additionals: edns ? [opt] : [] }
  const answers = answer.addresses.map((data) => ({ type: 'A', name, data, ttl: answer.ttl }) as const)
  const whole = encode({ ...packet, answers })
  return whole.length <= most ? whole : encode({ ...packet, flags: flags | TRUNCATED_RESPONSE })
}

const answering = (flags: number, rcode: Rcode): number =>
  (flags & ~(0xf | AUTHENTIC_DATA | CHECKING_DISABLED | TRUNCATED_RESPONSE)) | RECURSION_AVAILABLE | rcodes[rcode]

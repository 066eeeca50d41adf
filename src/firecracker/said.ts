/**
 * What a guest says, read with suspicion: its agent may have been taken over. What has another shape than PROTOCOL.md gives
 * it is a ProtocolError, which ends the run as vm_lost; nothing of it reaches a record. Pure.
 */
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ProtocolError } from '../base/frames.ts'

type Message = Readonly<Record<string, unknown>>

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** What the guest's kernel counted; that a difference of two counts is below 0 is no lie. */
const Counted = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })

const EndedMessage = Type.Object({
  code: Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 255 })]),
  signal: Type.Union([Type.Null(), Type.String({ pattern: '^SIG[A-Z0-9]{1,12}$' })]),
  oom: Type.Boolean(),
  disk_full: Type.Boolean(),
  result: Type.Enum(['none', 'sent', 'too_large', 'unreadable']),
  /** Microseconds that the program has run. */
  wall_us: Count,
  usage: Type.Object({
    cpu_us: Counted,
    peak_mem_bytes: Counted,
    throttled_us: Counted,
    disk_written_bytes: Counted,
    net_rx_bytes: Counted,
    net_tx_bytes: Counted,
  }),
})
/** The guest's `exit` message, as far as it is read. */
export type Ended = Readonly<Static<typeof EndedMessage>>

const AttachedMessage = Type.Object({
  tag: Type.Enum(['build', 'program']),
  /** Bytes of standard input that the guest has taken; `stdin_ended` when it takes no more. */
  stdin_bytes: Count,
  stdin_ended: Type.Boolean(),
  /** Microseconds the program has run, or did run. */
  wall_us: Count,
  /** True where it has ended. */
  ended: Type.Boolean(),
})
export type Attached = Readonly<Static<typeof AttachedMessage>>

export const endedOf = (message: Message): Ended => read('exit', EndedMessage, message)
export const attachedOf = (message: Message): Attached => read('attached', AttachedMessage, message)

function read<T extends TSchema>(op: string, schema: T, message: Message): Static<T> {
  if (Value.Check(schema, message)) return message
  const [fault] = Value.Errors(schema, message)
  throw new ProtocolError(`${op} is not well-formed${fault?.instancePath ? ` at ${fault.instancePath}` : ''}`)
}

/** Where a request may fail in the guest; metrics have it as a label, whose values must be few. */
const steps = [
  ...['argv', 'attach', 'cwd', 'env', 'exec', 'kill', 'look', 'prepare', 'request', 'start', 'unpack', 'wait', 'write'],
  ...['configure', 'clock', 'entropy', 'boot id', 'hostname', 'network', 'hosts'],
] as const

/** The step that a refusal names, where there is such a one. */
export const stepOf = (said: unknown): string | undefined => steps.find((step) => step === said)

/** Characters of a guest's message that are kept. */
const longest = 2000

/** The words of a refusal. */
export function wordsOf(said: unknown): string {
  const words = typeof said === 'string' ? said : 'no reason'
  return words.length > longest ? `${words.slice(0, longest)}…` : words
}

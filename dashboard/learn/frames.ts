/** What the frames of the guest protocol mean, in one sentence each. Pure. */
import type { Conversation } from '../../src/api/conversation.ts'
import { duration } from '../format.ts'

type Frame = Conversation['frames'][number]

const meanings: Readonly<Record<string, string>> = {
  hello: 'The agent says that it is there, and which version of the protocol it speaks.',
  ping: 'The host asks for nothing but an answer, to time the way there and back.',
  configure: 'The host gives the guest its clock, entropy, host name and network address.',
  write: 'The host announces a source file; its bytes follow.',
  unpack: 'The host announces an archive, to be unpacked inside the guest.',
  prepare: 'The host has an interpreter started that waits for its program.',
  exec: 'The host says what to run, with which arguments and limits.',
  attach: 'A new server takes up the run that an earlier one had started.',
  attached: 'The agent says where that run is: what it took, what it wrote, whether it has ended.',
  ack: 'The host has kept the output up to here; the guest may forget it.',
  kill: 'The host asks the agent to end the program and all that it started.',
  shutdown: 'The host asks the guest to end itself.',
  ok: 'The agent has done what it was asked for.',
  error: 'The agent could not do it, and says at which step and why.',
  started: 'The agent says that the program runs, and by which process id.',
  exit: 'The agent tells how the program ended and what it used.',
  upload: 'A piece of what is uploaded.',
  'end of upload': 'Nothing more comes of the upload.',
  stdin: 'A piece of the program’s standard input.',
  'end of stdin': 'The program’s standard input is at its end.',
  stdout: 'A piece of what the program wrote to its standard output.',
  'end of stdout': 'Nothing more comes of standard output.',
  stderr: 'A piece of what the program wrote to its standard error.',
  'end of stderr': 'Nothing more comes of standard error.',
  result: 'A piece of the result that the program left.',
  'end of result': 'The result is whole.',
}

export const meaningOf = ({ kind }: Pick<Frame, 'kind'>): string =>
  meanings[kind] ?? 'Something that the protocol does not know; the host closes the connection.'

export interface Spoken {
  readonly frame: Frame
  /** Frames that were left out before it. */
  readonly gap: number
  /** What its kind means; where one of that kind was there before, nothing. */
  readonly meaning: string | undefined
}

export function spokenOf(frames: readonly Frame[]): Spoken[] {
  const known = new Set<string>()
  return frames.map((frame, at) => {
    const meaning = known.has(frame.kind) ? undefined : meaningOf(frame)
    known.add(frame.kind)
    return { frame, gap: frame.number - (frames[at - 1]?.number ?? 0) - 1, meaning }
  })
}

/** A time, from the moment that the run was asked for; before it for a vm that was ready beforehand. */
export const after = (ms: number): string => (ms < 0 ? `−${duration(-ms)}` : `+${duration(ms)}`)

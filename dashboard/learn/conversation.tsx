/** What host and guest said over vsock for this run, frame by frame: who, when, what and how much; never what was in it. */
import type { Conversation as Said } from '../../src/api/conversation.ts'
import { Card } from '../card.tsx'
import { bytes, counted } from '../format.ts'
import { after, type Spoken, spokenOf } from './frames.ts'

export function Conversation({ said, createdAt }: { said: Said; createdAt: string }) {
  const from = Date.parse(createdAt)
  return (
    <Card title="The vsock conversation" aside={`${counted(said.count, 'frame')}, ${bytes(said.bytes)}`}>
      <p className="frames-about">
        Everything that this run and the host had to do with each other went over one socket, as these frames. Their
        content is not kept. Each kind is explained once.
      </p>
      <ol className="frames" aria-label="Frames, in their order">
        {spokenOf(said.frames).map((spoken) => (
          <Frame key={spoken.frame.number} spoken={spoken} from={from} />
        ))}
      </ol>
    </Card>
  )
}

function Frame({ spoken: { frame, gap, meaning }, from }: { spoken: Spoken; from: number }) {
  const { number, from: speaker, kind, bytes: size, at_ms: at } = frame
  return (
    <>
      {gap > 0 && <li className="frame-gap">{counted(gap, 'frame')} in between</li>}
      <li className="frame" data-from={speaker} value={number}>
        <span className="frame-time">{after(at - from)}</span>
        <span className="frame-body">
          <span className="frame-head">
            <b>{kind}</b> <span>{speaker === 'host' ? 'host to guest' : 'guest to host'}</span>{' '}
            <span>{bytes(size)}</span>
          </span>
          {meaning !== undefined && <span className="frame-meaning">{meaning}</span>}
        </span>
      </li>
    </>
  )
}

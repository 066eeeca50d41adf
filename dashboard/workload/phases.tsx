/** The time line of a run: each phase a bar, where it lay and as long as it took. */
import type { RunRecord } from '../../src/api/workload.ts'
import { Card, Meanings } from '../card.tsx'
import { duration } from '../format.ts'
import { aboutPhase, timelineOf } from './timeline.ts'

export function Phases({ run }: { run: RunRecord }) {
  const { totalMs, bars } = timelineOf(run)
  return (
    <Card title="Time line" aside={duration(totalMs)}>
      <ol className="phases">
        {bars.map(({ name, ms, from, share, inner }) => (
          <li key={name} data-inner={inner || undefined} title={aboutPhase[name]}>
            <span className="phase-name">{name}</span>
            <span className="phase-track" aria-hidden="true">
              <span
                className="phase-bar"
                data-phase={name}
                style={{ left: `${from * 100}%`, width: `max(2px, ${share * 100}%)` }}
              />
            </span>
            <span className="phase-time">{duration(ms)}</span>
          </li>
        ))}
      </ol>
      <Meanings of={bars.map(({ name }) => ({ name, about: aboutPhase[name] }))} />
    </Card>
  )
}

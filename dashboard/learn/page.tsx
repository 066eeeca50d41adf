/** For the learner: what this very run went through, from the queue to the program and back. */
import './learn.css'
import { Anchor, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { hasEnded, type WorkloadRecord } from '../../src/api/workload.ts'
import { recordQuery } from '../api.ts'
import { Card } from '../card.tsx'
import { shortId } from '../format.ts'
import { usePageTitle } from '../title.ts'
import { Broken } from '../troubles.tsx'
import { Conversation } from './conversation.tsx'
import { Network, Rules } from './network.tsx'
import { piecesOf, placeWords, type Piece } from './pieces.ts'

export function LearnPage() {
  const { id } = useParams({ from: '/workloads/$id/inside' })
  const { data, error } = useQuery(recordQuery(id))
  usePageTitle(`Inside ${shortId(id)}`)
  if (data) return <Inside record={data} />
  return error ? <Broken error={error} /> : <p className="loading">Looking for the workload…</p>
}

function Inside({ record }: { record: WorkloadRecord }) {
  const { id, run, status, conversation, created_at: created } = record
  const pieces = piecesOf(record)
  return (
    <>
      <div className="page-head">
        <div>
          <Title order={1} size="h2">
            Inside this run
          </Title>
          <Text c="dimmed" size="sm">
            What workload{' '}
            <Anchor renderRoot={(props) => <Link to="/workloads/$id" params={{ id }} {...props} />}>
              {shortId(id)}
            </Anchor>{' '}
            went through{run?.vm_id ? `, in vm ${run.vm_id}` : ''}. The figures are its own.
          </Text>
        </div>
      </div>
      <div className="inside">
        {pieces.length === 0 ? <Nothing ended={hasEnded(status)} /> : <Way pieces={pieces} />}
        {conversation && <Conversation said={conversation} createdAt={created} />}
      </div>
      {run && <Network run={run} />}
      {run?.firewall && <Rules firewall={run.firewall} />}
    </>
  )
}

function Nothing({ ended }: { ended: boolean }) {
  return ended ? (
    <Card title="Nothing came of it">It ended before it had a microVM.</Card>
  ) : (
    <Card title="Nothing yet">It still waits: there is no microVM to look into.</Card>
  )
}

function Way({ pieces }: { pieces: readonly Piece[] }) {
  return (
    <ol className="path" aria-label="The way of this run">
      {pieces.map(({ name, place, about, measured }, at) => (
        <li key={name} data-place={place}>
          <span className="path-number" aria-hidden="true">
            {at + 1}
          </span>
          <div className="path-body">
            <h2>
              {name} <span className="path-place">{placeWords[place]}</span>
            </h2>
            <p>{about}</p>
            {measured.length > 0 && <p className="path-measured">{measured.join(' · ')}</p>}
          </div>
        </li>
      ))}
    </ol>
  )
}

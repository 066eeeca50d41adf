/** One workload: what it does, what it says, what became of it, and where it ran. */
import { Alert, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { hasEnded, type WorkloadRecord } from '../../src/api/workload.ts'
import { recordQuery, requestQuery } from '../api.ts'
import { Card } from '../card.tsx'
import { useNow } from '../clock.ts'
import { moment, shortId } from '../format.ts'
import { StatusBadge } from '../status.tsx'
import { usePageTitle } from '../title.ts'
import { Broken } from '../troubles.tsx'
import { askedFor, lasted, storyOf } from '../words.ts'
import { Actions } from './actions.tsx'
import { Isolation, Usage } from './facts.tsx'
import { Result } from './json.tsx'
import { Output } from './output.tsx'
import { Phases } from './phases.tsx'
import { Request } from './request.tsx'
import { useLog } from './uselog.ts'

export function WorkloadPage() {
  const { id } = useParams({ from: '/workloads/$id' })
  const { data, error } = useQuery(recordQuery(id))
  usePageTitle(data ? `${data.status} · ${shortId(id)}` : 'Workload')
  if (data) return <Whole key={id} record={data} />
  return error ? <Broken error={error} /> : <p className="loading">Looking for the workload…</p>
}

function Whole({ record }: { record: WorkloadRecord }) {
  const { id, run, result, result_error: resultError } = record
  const { log, state } = useLog(id)
  const hasResult = result !== undefined || resultError !== undefined
  return (
    <>
      <Head record={record} />
      <Ending record={record} />
      <div className="two">
        <div className="two-main">
          <Card title="Output">
            <Output id={id} log={log} state={state} live={!hasEnded(record.status)} />
          </Card>
          {hasResult && (
            <Card title="Result">
              <Result id={id} value={result} error={resultError} />
            </Card>
          )}
          <Request id={id} />
        </div>
        <div className="two-side">
          {run && <Phases run={run} />}
          <Isolation record={record} />
          {run?.usage && <Usage record={record} usage={run.usage} />}
        </div>
      </div>
    </>
  )
}

/** The live line: what it does now and for how long. */
function Head({ record }: { record: WorkloadRecord }) {
  const { id, status, runtime, created_at: created } = record
  const now = useNow(!hasEnded(status))
  const { data: kept } = useQuery(requestQuery(id))
  return (
    <div className="page-head">
      <div>
        <Title order={1} size="h2" className="page-title">
          {storyOf(record, askedFor(record, kept)).title}
        </Title>
        <Text component="div" c="dimmed" size="sm" className="live-line">
          <StatusBadge status={status} />
          <span>
            {runtime}, {lasted(record, now)} since <time dateTime={created}>{moment(created)}</time>
          </span>
          <span className="id">{id}</span>
        </Text>
      </div>
      <Actions record={record} />
      <div className="visually-hidden" role="status">
        {storyOf(record).title}
      </div>
    </div>
  )
}

/** What an end that is not the plain one means. */
function Ending({ record }: { record: WorkloadRecord }) {
  const { exit } = record
  const { advice } = storyOf(record)
  if (!exit || (advice === undefined && exit.message === undefined) || record.status === 'completed') return null
  return (
    <Alert color={exit.by === 'killed' ? 'gray' : 'red'} mb="md" className="ending">
      {advice}
      {exit.message !== undefined && <p className="said">{exit.message}</p>}
    </Alert>
  )
}

/** What the server's host lacks, as doctor says it there: what runs need first, then what production wants. */
import { Code } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { HostCheck } from '../../src/api/doctor.ts'
import { doctorQuery, wordsOf } from '../api.ts'
import { Card } from '../card.tsx'
import { counted } from '../format.ts'

export function HostChecks() {
  const { data: report, error } = useQuery(doctorQuery)
  if (!report) return <Card title="Host">{error ? `It could not be judged: ${wordsOf(error)}` : 'Looking at it…'}</Card>
  const { node, checks } = report
  const failed = checks.filter(({ ok }) => !ok)
  const missing = failed.filter(({ required }) => required)
  const advice = failed.filter(({ required }) => !required)
  return (
    <Card title={`Host of ${node}`} aside={`${checks.length - failed.length} of ${checks.length} checks are well`}>
      {missing.length === 0 && <p className="none">It has all that vms need to run.</p>}
      <Checks checks={missing} />
      {advice.length > 0 && (
        <details className="advice">
          <summary>{counted(advice.length, 'piece')} of advice for production</summary>
          <Checks checks={advice} />
        </details>
      )}
    </Card>
  )
}

function Checks({ checks }: { checks: readonly HostCheck[] }) {
  if (checks.length === 0) return null
  return (
    <ul className="kinds checks">
      {checks.map(({ name, required, unknown, found, why, mend }) => (
        <li key={name}>
          <span className="kind-name">{name}</span>
          <span className="status" data-status={required ? 'failed' : unknown ? 'unknown' : 'killed'}>
            {required ? 'missing' : unknown ? 'not known' : 'could be better'}
          </span>
          <span className="kind-of">
            {found}: {why}.
          </span>
          {mend !== undefined && (
            <Code block className="check-mend" tabIndex={0} aria-label={`What mends ${name}`} role="region">
              {mend.replaceAll('; ', '\n')}
            </Code>
          )}
        </li>
      ))}
    </ul>
  )
}

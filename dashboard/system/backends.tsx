/** What runs workloads: online or not and why, and what it can do. */
import { Alert } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { isolations } from '../../src/api/workload.ts'
import { backendsQuery } from '../api.ts'
import { Card, Facts } from '../card.tsx'
import { Online } from './online.tsx'

export function Backends() {
  const { data: backends = [] } = useQuery(backendsQuery)
  const offered = new Set(backends.flatMap(({ isolation }) => isolation))
  const missing = isolations.filter((mode) => mode !== 'auto' && !offered.has(mode))
  return (
    <>
      {backends.map(({ name, online, reason, isolation, runtimes, details }) => (
        <Card key={name} title={`Backend ${name}`} aside={<Online online={online} />}>
          {!online && (
            <Alert color="red" mb="sm">
              <p className="reason">{reason ?? 'It gives no reason.'}</p>
              On the host, <code>vulcan doctor</code> says what is missing and how to mend it.
            </Alert>
          )}
          <Facts
            facts={[
              { name: 'Isolation', value: isolation.join(', ') || 'none' },
              ...(missing.length > 0 ? [{ name: 'No backend here for', value: missing.join(', ') }] : []),
              { name: 'Runtimes', value: runtimes.join(', ') || 'none' },
              ...Object.entries(details).map(([key, value]) => ({
                name: key.replaceAll('_', ' '),
                value: typeof value === 'boolean' ? (value ? 'yes' : 'no') : value,
              })),
            ]}
          />
        </Card>
      ))}
    </>
  )
}

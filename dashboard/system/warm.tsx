/** What is kept so that runs start sooner: vms that wait, and the templates they come from. */
import { useQuery } from '@tanstack/react-query'
import type { PoolClass, TemplateInfo } from '../../src/api/warm.ts'
import { poolQuery, templatesQuery } from '../api.ts'
import { Card } from '../card.tsx'
import { useNow } from '../clock.ts'
import { ago, bytes, mebibytes, moment } from '../format.ts'
import { Meter } from './meter.tsx'

export function Pool() {
  const { data: pool } = useQuery(poolQuery)
  if (!pool) return null
  const { classes, max_vms: most, mem_mb: mem } = pool
  const ready = classes.reduce((sum, one) => sum + one.ready, 0)
  return (
    <Card title="Pool" aside={most === 0 ? 'off' : `${ready} ready`}>
      {most === 0 ? (
        <p className="none">No vm is made before it is asked for.</p>
      ) : (
        <Meter
          name="Memory of those that wait"
          value={mem.used}
          of={mem.max}
          words={`${mebibytes(mem.used)} of ${mebibytes(mem.max)}`}
        />
      )}
      {most > 0 && classes.length === 0 && (
        <p className="none">None waits. A kind of vm is kept ready once it has a template and is asked for.</p>
      )}
      <ul className="kinds">
        {classes.map((one) => (
          <li key={JSON.stringify([kindOf(one), one.network])}>
            <span className="kind-name">{one.runtime}</span>
            <span className="status" data-status={one.ready > 0 ? 'completed' : 'pending'}>
              {one.ready} of {one.wanted} ready
            </span>
            <span className="kind-of">
              {kindOf(one)}, network {one.network}
              {one.slots > 0 && `, ${one.slots} more half way`}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

export function Templates() {
  const { data: templates } = useQuery(templatesQuery)
  const now = useNow()
  if (!templates) return null
  return (
    <Card title="Templates" aside={templates.length > 0 ? total(templates) : undefined}>
      {templates.length === 0 && (
        <p className="none">There is none. The second run of a kind has one made, and the next go on from it.</p>
      )}
      <ul className="kinds">
        {templates.map((one) => (
          <li key={JSON.stringify([one.runtime, kindOf(one), one.nic, one.state])}>
            <span className="kind-name">{one.runtime}</span>
            <span className="status" data-status={looks[one.state]}>
              {one.state}
            </span>
            <span className="kind-of">
              {kindOf(one)}, {one.nic ? 'with a network' : 'without a network'}
              <Made template={one} now={now} />
            </span>
            {one.reason !== undefined && <span className="kind-reason">{one.reason}</span>}
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** The status of a workload that it looks like. */
const looks = { ready: 'completed', building: 'running', waiting: 'pending', failed: 'failed' } as const

function Made({ template: { bytes: size, made_at: made }, now }: { template: TemplateInfo; now: number }) {
  return (
    <>
      {size !== undefined && `, ${bytes(size)} of the disk`}
      {made !== undefined && (
        <>
          , made{' '}
          <time dateTime={made} title={moment(made)}>
            {ago(made, now)}
          </time>
        </>
      )}
    </>
  )
}

const total = (templates: readonly TemplateInfo[]): string =>
  `${bytes(templates.reduce((sum, { bytes: size = 0 }) => sum + size, 0))} of the disk`

type Kind = Pick<PoolClass, 'cpus' | 'mem_mb' | 'disk_mb'>

const kindOf = ({ cpus, mem_mb: mem, disk_mb: disk }: Kind): string =>
  `${cpus} ${cpus === 1 ? 'core' : 'cores'}, ${mebibytes(mem)}, disk ${mebibytes(disk)}`

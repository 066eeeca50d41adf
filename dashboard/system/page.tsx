/** The server and what it runs on. */
import './system.css'
import { Anchor, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { routes } from '../../src/api/routes.ts'
import { healthQuery, imagesQuery, live, nodesQuery } from '../api.ts'
import { Card, Facts } from '../card.tsx'
import { bytes, mebibytes } from '../format.ts'
import { useLive } from '../live.ts'
import { usePageTitle } from '../title.ts'
import { Backends } from './backends.tsx'
import { Figures } from './figures.tsx'
import { HostChecks } from './host.tsx'
import { Meter } from './meter.tsx'
import { Online } from './online.tsx'
import { Pool, Templates } from './warm.tsx'

export function SystemPage() {
  usePageTitle('System')
  useLive(live)
  const { data: health } = useQuery(healthQuery)
  return (
    <>
      <div className="page-head">
        <Title order={1} size="h2">
          System
        </Title>
        {health && (
          <span className="card-aside">
            Vulcan {health.version}, build <code>{health.build}</code> ·{' '}
            <Anchor fz="sm" href={routes.docs}>
              API
            </Anchor>
          </span>
        )}
      </div>
      <Figures />
      <div className="grid">
        <Backends />
        <Nodes />
        <Images />
        <Pool />
        <Templates />
      </div>
      <HostChecks />
    </>
  )
}

function Nodes() {
  const { data: nodes = [] } = useQuery(nodesQuery)
  return nodes.map(({ name, online, vms, max_vms: maxVms, pending, mem_mb: mem, max_mem_mb: maxMem }) => (
    <Card key={name} title={`Node ${name}`} aside={<Online online={online} />}>
      <Meter name="vms" value={vms} of={maxVms} words={`${vms} of ${maxVms}`} />
      <Meter name="Memory for vms" value={mem} of={maxMem} words={`${mebibytes(mem)} of ${mebibytes(maxMem)}`} />
      <Facts facts={[{ name: 'Waiting', value: pending }]} />
    </Card>
  ))
}

function Images() {
  const { data: images } = useQuery(imagesQuery)
  if (!images) return null
  return (
    <Card title="Images">
      {images.length === 0 && 'There are none.'}
      <Facts
        facts={images.map(({ name, digest, bytes: size }) => ({
          name,
          value:
            digest === undefined ? (
              'built at its first run'
            ) : (
              <>
                <code title={digest}>{digest.replace(/^sha256:/, '').slice(0, 12)}</code>
                {size !== undefined && `, ${bytes(size)}`}
              </>
            ),
        }))}
      />
    </Card>
  )
}

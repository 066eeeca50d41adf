/** Where a workload ran, and what it used. Only what its record says. */
import { Text } from '@mantine/core'
import { type NetworkRecord, targetOf } from '../../src/api/denial.ts'
import { hasEnded, type RunRecord, type WorkloadRecord } from '../../src/api/workload.ts'
import { Card, Facts, type Fact } from '../card.tsx'
import { bytes, duration, roundTrip } from '../format.ts'
import { processorShare } from './usage.ts'

export const aboutStart: Readonly<Record<RunRecord['start'], string>> = {
  boot: 'booted from its kernel',
  restore: 'restored from a snapshot',
  pool: 'taken from a pool of waiting vms',
}

export const aboutVsock: Readonly<Record<RunRecord['vsock']['status'], string>> = {
  connected: 'connected',
  closed: 'closed in order',
  lost: 'lost',
}

export function Isolation({ record }: { record: WorkloadRecord }) {
  const { run, isolation, status } = record
  if (!run) {
    return (
      <Card title="Isolation">
        <Text size="sm" c="dimmed">
          {hasEnded(status) ? 'There was no microVM.' : 'There is no microVM yet.'}
        </Text>
      </Card>
    )
  }
  const facts: Fact[] = [
    { name: 'Isolation', value: isolation === 'auto' ? 'microvm (auto)' : isolation },
    { name: 'vm', value: <code>{run.vm_id || 'not known'}</code> },
    { name: 'Start', value: aboutStart[run.start] },
    { name: 'Boot', value: duration(run.boot_ms), about: 'until the guest said that it is ready' },
    { name: 'vsock', value: aboutVsock[run.vsock.status] },
    { name: 'Round trip', value: roundTrip(run.vsock.rtt_us), about: 'of one ping to the agent in the guest' },
    ...placeOf(run.details),
    ...refusedOf(run),
    { name: 'Backend', value: run.backend },
    { name: 'Node', value: run.node },
  ]
  return (
    <Card title="Isolation">
      <Facts facts={facts} />
    </Card>
  )
}

function interpreterOf(interpreter: NonNullable<RunRecord['details']>['interpreter']): Fact[] {
  if (interpreter === undefined) return []
  const about =
    interpreter === 'waited' ? 'ran already, and became the program' : 'a new process, started for the program'
  return [{ name: 'Interpreter', value: interpreter, about }]
}

/** Where the vm was on its host, where its record says so. */
function placeOf(details: RunRecord['details']): Fact[] {
  if (!details) return []
  const { mode, nic } = details.network
  return [
    { name: 'Kernel', value: details.kernel, about: 'of the guest' },
    { name: 'Image', value: <code>{details.image}</code> },
    ...interpreterOf(details.interpreter),
    { name: 'User', value: String(details.uid), about: 'on the host; no other vm has it' },
    { name: 'cgroup', value: <code>{details.cgroup}</code> },
    { name: 'Network', value: nic ? `${mode}, ${nic.address}` : mode },
  ]
}

/** What the network refused, a line each; nothing of a run that had none, or of which that is not known. */
function refusedOf({ network, details }: RunRecord): Fact[] {
  const about = 'what the network did not let through, and the rule that refused it'
  if (network) return [{ name: 'Refused', value: <Refused network={network} />, about }]
  const hadOne = details !== undefined && details.network.mode !== 'none'
  return hadOne ? [{ name: 'Refused', value: 'none', about }] : []
}

function Refused({ network: { denied, denied_others: others } }: { network: NetworkRecord }) {
  return (
    <ul className="refused">
      {denied.map((each, at) => (
        <li key={`${each.rule} ${targetOf(each)}`}>
          <code>{targetOf(each)}</code> {each.rule}
          {each.count > 1 && ` ×\u00A0${each.count}`}
          {/* Once for those in a row that it holds for. */}
          {each.hint !== denied[at + 1]?.hint && <div className="refused-hint">{each.hint}</div>}
        </li>
      ))}
      {others > 0 && <li>{others} more elsewhere</li>}
    </ul>
  )
}

type UsageRecord = NonNullable<RunRecord['usage']>

export function Usage({ record, usage }: { record: WorkloadRecord; usage: UsageRecord }) {
  const { resources } = record
  return (
    <Card title="Usage">
      <Measure
        name="Peak memory"
        value={`${usage.peak_mem_mb} MiB`}
        of={resources?.mem_mb}
        share={usage.peak_mem_mb / (resources?.mem_mb ?? Infinity)}
        unit="MiB"
      />
      <Measure
        name="Processor"
        value={duration(usage.cpu_ms)}
        of={resources?.cpus}
        share={processorShare(record)}
        unit={resources?.cpus === 1 ? 'core' : 'cores'}
      />
      <Facts
        facts={[
          { name: 'Throttled', value: duration(usage.throttled_ms), about: 'time that it was held back by its share' },
          { name: 'Disk written', value: bytes(usage.disk_written_bytes) },
          { name: 'Network in', value: bytes(usage.net_rx_bytes) },
          { name: 'Network out', value: bytes(usage.net_tx_bytes) },
        ]}
      />
    </Card>
  )
}

interface MeasureProps {
  readonly name: string
  readonly value: string
  /** The limit, where it is known. */
  readonly of: number | undefined
  readonly share: number
  readonly unit: string
}

function Measure({ name, value, of, share, unit }: MeasureProps) {
  const percent = Math.min(100, Math.round(share * 100))
  return (
    <div className="measure">
      <div className="measure-words">
        <span>{name}</span>
        <span>
          <b>{value}</b>
          {of !== undefined && ` of ${of} ${unit}`}
        </span>
      </div>
      {of !== undefined && (
        <div className="measure-bar" data-high={percent > 90 || undefined}>
          <div style={{ width: `${percent}%` }} />
        </div>
      )}
    </div>
  )
}

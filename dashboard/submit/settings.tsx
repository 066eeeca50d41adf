/** How a program is run: isolation, bounds, network, and what it is given. */
import { Alert, NativeSelect, Stack, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { BackendState } from '../../src/api/state.ts'
import { networkModes } from '../../src/api/details.ts'
import { isolations } from '../../src/api/workload.ts'
import { statsQuery } from '../api.ts'
import { Card } from '../card.tsx'
import type { bounds, Form, Limits } from './form.ts'
import type { Submission } from './submission.ts'

interface SettingsProps {
  readonly submission: Submission
  readonly backends: readonly BackendState[]
}

export function Settings({ submission, backends }: SettingsProps) {
  return (
    <>
      <Card title="Limits">
        <Resources submission={submission} />
      </Card>
      <Card title="Isolation and network">
        <Stack gap="sm">
          <Isolation submission={submission} backends={backends} />
          <Network submission={submission} />
        </Stack>
      </Card>
      <Card title="What it is given">
        <Given submission={submission} />
      </Card>
    </>
  )
}

const resources: readonly (readonly [keyof typeof bounds, keyof Limits, string, string])[] = [
  ['cpus', 'cpus', 'Cores', ''],
  ['memMb', 'mem_mb', 'Memory', 'MiB'],
  ['timeoutS', 'timeout_s', 'Time', 'seconds'],
  ['diskMb', 'disk_mb', 'Disk', 'MiB'],
  ['pids', 'pids', 'Processes', ''],
]

function Resources({ submission: { form, faults, change } }: { submission: Submission }) {
  const { data: stats } = useQuery(statsQuery)
  const most = (limit: keyof Limits) => stats && `up to ${stats.limits[limit].toLocaleString('en')}`
  return (
    <div className="resources">
      {resources.map(([name, limit, label, unit]) => (
        <TextInput
          key={name}
          label={label}
          description={[unit, most(limit)].filter(Boolean).join(', ')}
          inputMode="decimal"
          value={form[name]}
          onChange={(event) => change({ [name]: event.currentTarget.value })}
          error={faults[name]}
        />
      ))}
    </div>
  )
}

const isolationWords: Readonly<Record<Form['isolation'], string>> = {
  auto: 'auto: the strongest there is',
  microvm: 'microvm: a vm of its own',
  isolate: 'isolate',
  gvisor: 'gvisor',
}

function Isolation({ submission, backends }: SettingsProps) {
  const { form, faults, change } = submission
  return (
    <NativeSelect
      label="Isolation"
      value={form.isolation}
      onChange={(event) => change({ isolation: event.currentTarget.value as Form['isolation'] })}
      error={faults.isolation}
      data={isolations.map((mode) => {
        const lack = lackOf(mode, backends)
        return { value: mode, label: lack === undefined ? isolationWords[mode] : `${mode}: ${lack}`, disabled: !!lack }
      })}
    />
  )
}

/** Why no backend runs programs so, where none does. */
function lackOf(mode: Form['isolation'], backends: readonly BackendState[]): string | undefined {
  const able = backends.filter(({ isolation }) => isolation.includes(mode))
  if (mode === 'auto' || backends.length === 0 || able.some(({ online }) => online)) return undefined
  return able.find(({ reason }) => reason !== undefined)?.reason ?? 'no backend here offers it'
}

const networkWords: Readonly<Record<Form['network'], string>> = {
  none: 'none: no network at all',
  host: 'host: only the host’s gateway',
  internet: 'internet: out, but not in private nets',
}

function Network({ submission: { form, faults, change } }: { submission: Submission }) {
  return (
    <>
      <NativeSelect
        label="Network"
        value={form.network}
        onChange={(event) => change({ network: event.currentTarget.value as Form['network'] })}
        error={faults.network}
        data={networkModes.map((mode) => ({ value: mode, label: networkWords[mode] }))}
      />
      {form.network === 'internet' && (
        <Textarea
          label="Only these may be reached"
          description="Host names (*.name for all below) or CIDR blocks, one a line; empty for all"
          autosize
          minRows={1}
          maxRows={6}
          value={form.allow}
          onChange={(event) => change({ allow: event.currentTarget.value })}
          error={faults.allow}
        />
      )}
      {form.network === 'host' && (
        <Alert color="ember">The program reaches whatever listens on the gateway address of this host.</Alert>
      )}
    </>
  )
}

const texts: readonly (readonly ['args' | 'env' | 'input' | 'stdin', string, string])[] = [
  ['args', 'Arguments', 'one a line'],
  ['env', 'Environment', 'NAME=value, one a line'],
  ['input', 'Input', 'JSON; the file $VULCAN_INPUT'],
  ['stdin', 'Standard input', 'as text; the input where empty'],
]

function Given({ submission: { form, faults, change } }: { submission: Submission }) {
  return (
    <Stack gap="sm">
      {texts.map(([name, label, description]) => (
        <Textarea
          key={name}
          label={label}
          description={description}
          autosize
          minRows={1}
          maxRows={10}
          spellCheck={false}
          classNames={{ input: 'mono' }}
          value={form[name]}
          onChange={(event) => change({ [name]: event.currentTarget.value })}
          error={faults[name]}
        />
      ))}
    </Stack>
  )
}

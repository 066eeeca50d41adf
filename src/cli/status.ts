/** vulcan status: one workload, or the server itself. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { deniedWords } from '../api/denial.ts'
import type { WorkloadRecord } from '../api/workload.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { idOf } from './id.ts'
import { shownServerFile } from './serverfile.ts'
import { facts } from './tables.ts'
import { json } from './text.ts'

export function statusCommand(act: Act): CommandUnknownOpts {
  return new Command('status')
    .description('show a workload, or the server when no id is given')
    .argument('[id]', 'of the workload', idOf)
    .option('--json', 'as JSON')
    .action((id, o) => act((context) => (id === undefined ? server(context, o) : workload(context, id, o))))
}

interface Flags {
  readonly json?: true
}

async function workload(context: Context, id: string, o: Flags): Promise<void> {
  const record = await (await connectToRunning(context)).get(id)
  await context.print(o.json ? json(record) : facts(factsOf(record), context.columns))
}

async function server(context: Context, o: Flags): Promise<void> {
  const client = await connectToRunning(context)
  const [health, nodes, backends] = await Promise.all([client.health(), client.nodes(), client.backends()])
  const file = await shownServerFile(context.config.home)
  const all = { ...file, ...health, nodes, backends }
  if (o.json) return context.print(json(all))
  const place = file?.place === 'machine' ? 'in the machine' : 'on this host'
  const rows: Fact[] = [
    ['server', `${file?.url ?? ''} (${place}), build ${health.build}`],
    ...backends.map(({ name, online, reason }): Fact => {
      return ['backend', `${name}: ${online ? 'online' : `not online: ${reason ?? ''}`}`]
    }),
    ...nodes.map((node): Fact => ['node', `${node.name}: ${node.vms} of ${node.max_vms} vms, ${node.pending} waiting`]),
  ]
  await context.print(facts(rows, context.columns))
}

type Fact = readonly [name: string, value: string]

function factsOf(record: WorkloadRecord): Fact[] {
  const { exit, run } = record
  const how = exit
    ? [exit.by, exit.code ?? exit.signal, exit.message].filter((part) => part !== undefined).join(', ')
    : ''
  const labels = Object.entries(record.labels)
    .map((pair) => pair.join('='))
    .join(' ')
  const rows: [string, string | undefined][] = [
    ['id', record.id],
    ['status', how ? `${record.status} (${how})` : record.status],
    ['runtime', record.runtime],
    ['labels', labels || undefined],
    ['created', record.created_at],
    ['started', record.started_at],
    ['finished', record.finished_at],
    ['vm', run && `${run.vm_id} on ${run.node}, ${run.start} in ${run.boot_ms} ms`],
    [
      'phases',
      run &&
        Object.entries(run.phases_ms)
          .map(([name, ms]) => `${name} ${ms} ms`)
          .join(', '),
    ],
    [
      'usage',
      run?.usage &&
        `cpu ${run.usage.cpu_ms} ms, memory ${run.usage.peak_mem_mb} MB, written ${run.usage.disk_written_bytes} bytes`,
    ],
    ['network', deniedWords(run?.network, 64)],
    ['result', record.result === undefined ? record.result_error : JSON.stringify(record.result)],
  ]
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
}

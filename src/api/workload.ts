/** What crosses the wire about workloads: the request, the record, and their parts. JSON Schema by TypeBox. */
import { Type, type Static } from 'typebox'
import { Conversation } from './conversation.ts'
import { NetworkRecord } from './denial.ts'
import { networkModes, RunDetails } from './details.ts'
import { Firewall } from './firewall.ts'
import { ref } from './ref.ts'

export const statuses = ['pending', 'running', 'completed', 'failed', 'killed'] as const
export type Status = (typeof statuses)[number]

export const exitReasons = [
  'program',
  'timeout',
  'killed',
  'oom',
  'disk_full',
  'output_limit',
  'vm_lost',
  'start_failed',
] as const

export const isolations = ['auto', 'microvm', 'isolate', 'gvisor'] as const

export const WorkloadStatus = Type.Enum([...statuses], { $id: 'WorkloadStatus', type: 'string' })
export const NetworkMode = Type.Enum([...networkModes], {
  $id: 'NetworkMode',
  type: 'string',
  description: 'none; host: the host’s gateway address only; internet: out by NAT, private ranges refused',
})

const closed = { additionalProperties: false } as const
const noNul = '^[^\\u0000]*$'

export const ResourcesRequest = Type.Object(
  {
    cpus: Type.Optional(Type.Number({ minimum: 0.1, maximum: 32, description: 'cores; fractions are allowed' })),
    mem_mb: Type.Optional(Type.Integer({ minimum: 16, description: 'memory of the program, in MiB' })),
    timeout_s: Type.Optional(Type.Number({ minimum: 0.1, description: 'seconds the program may run, from its start' })),
    disk_mb: Type.Optional(Type.Integer({ minimum: 1, description: 'what the program may write, in MiB' })),
    pids: Type.Optional(Type.Integer({ minimum: 1, description: 'processes and threads at once' })),
  },
  { $id: 'ResourcesRequest', ...closed },
)

export const NetworkRequest = Type.Object(
  {
    mode: Type.Optional(ref(NetworkMode)),
    allow: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
        maxItems: 256,
        description: 'CIDR blocks, host names, or *.name for all below a name, that alone may be reached',
      }),
    ),
  },
  { $id: 'NetworkRequest', ...closed },
)

export const WorkloadRequest = Type.Object(
  {
    runtime: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'python, node or go',
      examples: ['python', 'node', 'go'],
    }),
    isolation: Type.Optional(Type.Enum([...isolations], { type: 'string', description: 'auto by default' })),
    code: Type.Optional(Type.String({ description: 'one source file as text' })),
    code_archive: Type.Optional(
      Type.String({ description: 'base64 of a tar, tar.gz, tar.zst or zip archive; larger ones by multipart' }),
    ),
    entrypoint: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        pattern: noNul,
        description: 'path in the archive; with code, the name of the file',
      }),
    ),
    args: Type.Optional(
      Type.Array(Type.String({ maxLength: 131_072, pattern: noNul }), { maxItems: 1024, description: 'arguments' }),
    ),
    env: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 131_072, pattern: noNul }), {
        maxProperties: 1024,
        description: 'environment variables',
      }),
    ),
    stdin: Type.Optional(Type.String({ description: 'standard input as text' })),
    input: Type.Optional(
      Type.Unknown({
        description:
          'any JSON; the file $VULCAN_INPUT, and standard input where stdin is not given. With args and env, 960 KiB at most',
      }),
    ),
    resources: Type.Optional(ref(ResourcesRequest)),
    network: Type.Optional(Type.Union([ref(NetworkMode), ref(NetworkRequest)])),
    labels: Type.Optional(
      // What is asked for as name=value is cut at the first =.
      Type.Record(Type.String({ pattern: '^[^=]+$' }), Type.String({ maxLength: 256 }), {
        ...closed,
        maxProperties: 64,
        description: 'for finding it; names are not empty and hold no =',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({ minimum: -100, maximum: 100, description: 'higher starts earlier; 0 by default' }),
    ),
    idempotency_key: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'the same key and body again give the same workload' }),
    ),
  },
  {
    $id: 'WorkloadRequest',
    description: 'a program to run: exactly one of code, code_archive and an uploaded archive',
    examples: [
      { runtime: 'python', code: 'print(6 * 7)' },
      { runtime: 'node', code: 'console.log(process.argv)', args: ['a'], resources: { mem_mb: 128, timeout_s: 5 } },
    ],
    ...closed,
  },
)
export type WorkloadRequest = Static<typeof WorkloadRequest>

export const ExitRecord = Type.Object(
  {
    by: Type.Enum([...exitReasons], { type: 'string', description: 'who or what ended it' }),
    code: Type.Optional(Type.Integer({ description: 'exit code of the program' })),
    signal: Type.Optional(Type.String({ description: 'signal that ended the program' })),
    message: Type.Optional(Type.String({ description: 'in words' })),
    step: Type.Optional(Type.String({ description: 'where a start failed' })),
  },
  { $id: 'ExitRecord' },
)
export type ExitRecord = Static<typeof ExitRecord>

export const RunRecord = Type.Object(
  {
    backend: Type.String(),
    node: Type.String(),
    vm_id: Type.String(),
    start: Type.Enum(['boot', 'restore', 'pool'], { type: 'string' }),
    boot_ms: Type.Number({ description: 'milliseconds until the guest was ready' }),
    phases_ms: Type.Record(Type.String(), Type.Number(), { description: 'milliseconds of each phase' }),
    phases_at_ms: Type.Optional(
      Type.Record(Type.String(), Type.Number(), {
        description: 'milliseconds from created_at to each phase’s beginning',
      }),
    ),
    vsock: Type.Object({
      status: Type.Enum(['connected', 'closed', 'lost'], { type: 'string' }),
      rtt_us: Type.Number({ description: 'round trip in microseconds' }),
    }),
    details: Type.Optional(RunDetails),
    network: Type.Optional(NetworkRecord),
    firewall: Type.Optional(ref(Firewall)),
    usage: Type.Optional(
      Type.Object({
        cpu_ms: Type.Number({ description: 'processor time of the program and of its build' }),
        peak_mem_mb: Type.Number(),
        throttled_ms: Type.Number(),
        disk_written_bytes: Type.Number(),
        net_rx_bytes: Type.Number(),
        net_tx_bytes: Type.Number(),
      }),
    ),
  },
  { $id: 'RunRecord' },
)
export type RunRecord = Static<typeof RunRecord>

const summaryFields = {
  id: Type.String({ description: 'UUIDv7' }),
  status: ref(WorkloadStatus),
  runtime: Type.String(),
  isolation: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  priority: Type.Integer(),
  resources: Type.Optional(
    Type.Object({ cpus: Type.Number(), mem_mb: Type.Integer() }, { description: 'cores and MiB that it may use' }),
  ),
  place: Type.Optional(
    Type.Integer({
      description:
        'while it waits: 1 and as many as wait with a higher priority, or with its own and since before it; a key of which less runs may come first',
    }),
  ),
  exit: Type.Optional(ref(ExitRecord)),
  created_at: Type.String({ description: 'RFC 3339' }),
  started_at: Type.Optional(Type.String({ description: 'RFC 3339; when the program began, or its build' })),
  finished_at: Type.Optional(Type.String({ description: 'RFC 3339' })),
  run: Type.Optional(ref(RunRecord)),
}

/** A workload without its output, as listings give it. */
export const WorkloadSummary = Type.Object(summaryFields, {
  $id: 'WorkloadSummary',
  description: 'a workload without its output',
})
export type WorkloadSummary = Static<typeof WorkloadSummary>

export const WorkloadRecord = Type.Object(
  {
    ...summaryFields,
    stdout: Type.String({ description: 'first and last parts, with a line between where bytes were dropped' }),
    stderr: Type.String({ description: 'first and last parts, with a line between where bytes were dropped' }),
    dropped_bytes: Type.Object(
      { stdout: Type.Integer(), stderr: Type.Integer() },
      { description: 'bytes that the program wrote and that stdout and stderr above do not hold' },
    ),
    result: Type.Optional(Type.Unknown({ description: 'JSON that the program wrote to $VULCAN_RESULT' })),
    result_error: Type.Optional(Type.String({ description: 'why there is no result although the program wrote one' })),
    conversation: Type.Optional(ref(Conversation)),
  },
  { $id: 'WorkloadRecord', description: 'everything known of a workload' },
)
export type WorkloadRecord = Static<typeof WorkloadRecord>

export const WorkloadPage = Type.Object(
  {
    workloads: Type.Array(ref(WorkloadSummary)),
    next_cursor: Type.Optional(Type.String({ description: 'cursor of the next page; absent on the last' })),
  },
  { $id: 'WorkloadPage', description: 'workloads, newest first' },
)
export type WorkloadPage = Static<typeof WorkloadPage>

export const Accepted = Type.Object(
  { id: Type.String(), status: ref(WorkloadStatus) },
  { $id: 'Accepted', description: 'the workload that was meant' },
)
export type Accepted = Static<typeof Accepted>

/** True once nothing more can happen to the workload. */
export function hasEnded(status: Status): boolean {
  return status === 'completed' || status === 'failed' || status === 'killed'
}

/** What crosses the wire about the server itself. */
import { Type, type Static } from 'typebox'
import { ref } from './ref.ts'
import { statuses, type Status } from './workload.ts'

export const Health = Type.Object(
  {
    status: Type.String(),
    build: Type.String({ description: 'sha256 of the running program, shortened' }),
    version: Type.String(),
    proof: Type.Optional(
      Type.String({
        description: 'HMAC-SHA-256, in hex, of the challenge, by the secret in the server.json of its home',
      }),
    ),
  },
  { $id: 'Health', description: 'the server lives' },
)
export type Health = Static<typeof Health>

export const BackendState = Type.Object(
  {
    name: Type.String(),
    online: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: 'why it is not online' })),
    isolation: Type.Array(Type.String()),
    runtimes: Type.Array(Type.String()),
    details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  },
  { $id: 'BackendState' },
)
export type BackendState = Static<typeof BackendState>

export const NodeState = Type.Object(
  {
    name: Type.String(),
    online: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: 'why it is not online' })),
    vms: Type.Integer({ description: 'vms that run now' }),
    max_vms: Type.Integer(),
    pending: Type.Integer({ description: 'workloads that wait' }),
    mem_mb: Type.Integer({ description: 'memory given to vms now, in MiB' }),
    max_mem_mb: Type.Integer(),
  },
  { $id: 'NodeState' },
)
export type NodeState = Static<typeof NodeState>

export const ImageState = Type.Object(
  {
    name: Type.String(),
    digest: Type.Optional(Type.String({ description: 'absent until it was built' })),
    bytes: Type.Optional(Type.Integer()),
  },
  { $id: 'ImageState' },
)
export type ImageState = Static<typeof ImageState>

/** What of a vm may be left behind on its host, and then what is no vm's. */
export const leftoverKinds = [
  ...(['process', 'cgroup', 'guest_rule', 'cni_attachment', 'lease', 'veth', 'netns', 'mount', 'jail'] as const),
  ...(['template', 'disk'] as const),
] as const
export type LeftoverKind = (typeof leftoverKinds)[number]

export const LeftoverState = Type.Object(
  {
    kind: Type.Enum([...leftoverKinds], { type: 'string' }),
    name: Type.String({ description: 'what the host calls it: a path, a name, a process' }),
    why: Type.String({ description: 'why it is thought to be of this instance' }),
    owner: Type.String({ description: 'whose it was: `run` and its id, `template`, `pool` or `unknown`' }),
    since: Type.Optional(Type.String({ description: 'since when it is there, or its vm is; RFC 3339' })),
    trouble: Type.Optional(Type.String({ description: 'why it could not be removed; it is tried again' })),
  },
  { $id: 'LeftoverState' },
)
export type LeftoverState = Static<typeof LeftoverState>

export const LeftoverList = Type.Object(
  {
    leftovers: Type.Array(ref(LeftoverState)),
    outdated: Type.Integer({ minimum: 0, description: 'ended workloads beyond what the settings keep of them' }),
  },
  { $id: 'LeftoverList', description: 'things of ours on the host that have no owner, and what is kept for too long' },
)
export type LeftoverList = Static<typeof LeftoverList>

export const CleanupReport = Type.Object(
  { removed: Type.Record(Type.String(), Type.Integer(), { description: 'how many of each kind of thing' }) },
  { $id: 'CleanupReport', description: 'what was removed' },
)
export type CleanupReport = Static<typeof CleanupReport>

export const Readiness = Type.Object({ status: Type.String() }, { $id: 'Readiness', description: 'workloads can run' })

export const LoginLink = Type.Object(
  {
    path: Type.String({ description: 'of this server, to open in a browser; good once' }),
    expires_at: Type.String({ description: 'RFC 3339' }),
  },
  { $id: 'LoginLink', description: 'lets a browser in' },
)
export type LoginLink = Static<typeof LoginLink>

export const BackendList = Type.Object(
  { backends: Type.Array(ref(BackendState)) },
  { $id: 'BackendList', description: 'backends' },
)
export const NodeList = Type.Object({ nodes: Type.Array(ref(NodeState)) }, { $id: 'NodeList', description: 'hosts' })
export const ImageList = Type.Object(
  { images: Type.Array(ref(ImageState)) },
  { $id: 'ImageList', description: 'root file systems' },
)

const Count = Type.Integer({ minimum: 0 })

export const Stats = Type.Object(
  {
    workloads: Type.Object(
      Object.fromEntries(statuses.map((status) => [status, Count])) as Record<Status, typeof Count>,
      { description: 'workloads that are known, by status' },
    ),
    queue: Type.Object({ waiting: Count }, { description: 'workloads that wait for room' }),
    vms: Type.Object({ running: Count, max: Count }),
    mem_mb: Type.Object({ used: Count, max: Count }, { description: 'memory given to vms, in MiB' }),
    pool: Type.Object(
      { ready: Count, slots: Count },
      { description: 'vms that wait for a workload, and places for the next ones' },
    ),
    limits: Type.Object(
      { cpus: Type.Number(), mem_mb: Count, timeout_s: Type.Number(), disk_mb: Count, pids: Count },
      { description: 'the most of each resource that one workload may ask for' },
    ),
  },
  { $id: 'Stats', description: 'counts and limits' },
)
export type Stats = Static<typeof Stats>

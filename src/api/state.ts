/** What crosses the wire about the server itself. */
import { Type, type Static } from 'typebox'

export const Health = Type.Object({
  status: Type.String(),
  build: Type.String({ description: 'sha256 of the running program, shortened' }),
  version: Type.String(),
})
export type Health = Static<typeof Health>

export const BackendState = Type.Object({
  name: Type.String(),
  online: Type.Boolean(),
  reason: Type.Optional(Type.String({ description: 'why it is not online' })),
  isolation: Type.Array(Type.String()),
  runtimes: Type.Array(Type.String()),
  details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
})
export type BackendState = Static<typeof BackendState>

export const NodeState = Type.Object({
  name: Type.String(),
  online: Type.Boolean(),
  vms: Type.Integer({ description: 'vms that run now' }),
  max_vms: Type.Integer(),
  pending: Type.Integer({ description: 'workloads that wait' }),
  mem_mb: Type.Integer({ description: 'memory given to vms now, in MiB' }),
  max_mem_mb: Type.Integer(),
})
export type NodeState = Static<typeof NodeState>

export const ImageState = Type.Object({
  name: Type.String(),
  digest: Type.Optional(Type.String({ description: 'absent until it was built' })),
  bytes: Type.Optional(Type.Integer()),
})
export type ImageState = Static<typeof ImageState>

export const CleanupReport = Type.Object({ removed: Type.Record(Type.String(), Type.Integer()) })
export type CleanupReport = Static<typeof CleanupReport>

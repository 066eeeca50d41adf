/** What crosses the wire about what is kept so that workloads start sooner. */
import { Type, type Static } from 'typebox'
import { ref } from './ref.ts'

const Count = Type.Integer({ minimum: 0 })
const kind = {
  runtime: Type.String(),
  cpus: Type.Integer({ minimum: 1, description: 'cores of the vm' }),
  mem_mb: Type.Integer({
    minimum: 1,
    description: 'memory of the whole vm, in MiB: what the program gets, and some 100 more',
  }),
  disk_mb: Type.Integer({ minimum: 0, description: 'what its program may write, in MiB' }),
}

export const templateStates = ['ready', 'building', 'waiting', 'failed'] as const

export const TemplateInfo = Type.Object(
  {
    ...kind,
    nic: Type.Boolean({ description: 'whether its vms have a network interface' }),
    state: Type.Enum(templateStates, {
      type: 'string',
      description: 'failed: vms of that kind boot; it is tried again when one was used again',
    }),
    bytes: Type.Optional(Type.Integer({ minimum: 0, description: 'what it takes of the disk, when it is ready' })),
    made_at: Type.Optional(Type.String({ description: 'RFC 3339, when it is ready' })),
    reason: Type.Optional(Type.String({ description: 'why it could not be made' })),
  },
  { $id: 'TemplateInfo', description: 'a snapshot of a vm that has booted, from which vms of its kind go on' },
)
export type TemplateInfo = Static<typeof TemplateInfo>

export const TemplateList = Type.Object(
  { templates: Type.Array(ref(TemplateInfo)) },
  { $id: 'TemplateList', description: 'templates' },
)

export type TemplateList = Static<typeof TemplateList>

export const PoolClass = Type.Object(
  {
    ...kind,
    network: Type.String({ description: 'network mode of its vms' }),
    ready: Type.Integer({ minimum: 0, description: 'vms that wait for a workload' }),
    slots: Type.Integer({ minimum: 0, description: 'places where the next vms need only be loaded' }),
    wanted: Type.Integer({ minimum: 0, description: 'vms that should wait, as often as they are asked for' }),
  },
  { $id: 'PoolClass', description: 'vms of one kind that wait for a workload' },
)
export type PoolClass = Static<typeof PoolClass>

export const PoolReport = Type.Object(
  {
    classes: Type.Array(ref(PoolClass)),
    max_vms: Type.Integer({ minimum: 0, description: 'vms of one kind that may wait; 0: none is kept ready' }),
    mem_mb: Type.Object({ used: Count, max: Count }, { description: 'memory of the vms that wait, in MiB' }),
  },
  { $id: 'PoolReport', description: 'vms that are ready before they are asked for' },
)
export type PoolReport = Static<typeof PoolReport>

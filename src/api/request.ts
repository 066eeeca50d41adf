/** What crosses the wire about what was asked for, when somebody asks for it again. */
import { Type, type Static } from 'typebox'
import { ref } from './ref.ts'
import { WorkloadRequest } from './workload.ts'

/** Fields of a request that may hold what only its sender should see. */
export const confidential = ['code', 'args', 'env', 'stdin', 'input'] as const
export type Confidential = (typeof confidential)[number]

export const KeptRequest = Type.Object(
  {
    request: ref(WorkloadRequest),
    env_names: Type.Array(Type.String(), { description: 'names of the variables in env, also where that is withheld' }),
    archive: Type.Optional(
      Type.Object(
        {
          format: Type.Enum(['tar', 'tar.gz', 'tar.zst', 'zip'], { type: 'string' }),
          bytes: Type.Integer({ minimum: 0 }),
          kept: Type.Boolean({ description: 'whether it can be read still' }),
        },
        { description: 'what the program came in; absent where it came as code' },
      ),
    ),
    withheld: Type.Array(Type.Enum([...confidential], { type: 'string' }), {
      description: 'fields that there were, and that only the key that handed it in and admin may read',
    }),
  },
  {
    $id: 'KeptRequest',
    description:
      'what was asked for, with defaults filled in: `request` can be handed in again, with the archive if any',
  },
)
export type KeptRequest = Static<typeof KeptRequest>

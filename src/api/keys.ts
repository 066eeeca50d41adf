/** What crosses the wire about keys: who may do what, and how much. */
import { Type, type Static } from 'typebox'
import { ref } from './ref.ts'

/** `run`: hand in, and read and kill one's own; `read`: read everything; `admin`: everything. */
export const scopes = ['run', 'read', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** What a key can have used up. */
export const quotaNames = ['running', 'queued', 'cpu_seconds'] as const
export type QuotaName = (typeof quotaNames)[number]

/** Stands for the key that lies in the home: it is made at the first start, is admin, and is in no table. */
export const localKey = { id: 'local', name: 'local', scopes: ['admin'], quotas: {} } as const

export const KeyScope = Type.Enum([...scopes], {
  $id: 'KeyScope',
  type: 'string',
  description: 'run: hand in, and read and kill one’s own; read: read everything; admin: everything',
})

const most = 1_000_000_000
const quota = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: most, description }))

export const KeyQuotas = Type.Object(
  {
    running: quota('workloads at once; more wait'),
    queued: quota('workloads that wait; more are refused'),
    cpu_seconds: quota('seconds of processor time in a day (UTC) after which no more is taken'),
  },
  { $id: 'KeyQuotas', additionalProperties: false, description: 'bounds of one key; without one there is none' },
)
export type KeyQuotas = Static<typeof KeyQuotas>

export const KeyRequest = Type.Object(
  {
    name: Type.String({ maxLength: 64, pattern: '\\S', description: 'for people' }),
    scopes: Type.Optional(
      Type.Array(ref(KeyScope), { minItems: 1, maxItems: 3, description: 'what it may do; run by default' }),
    ),
    expires_at: Type.Optional(
      Type.String({ maxLength: 40, description: 'time in ISO 8601 after which it is refused; never by default' }),
    ),
    quotas: Type.Optional(ref(KeyQuotas)),
  },
  { $id: 'KeyRequest', additionalProperties: false, description: 'a key to make' },
)
export type KeyRequest = Static<typeof KeyRequest>

const info = {
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(ref(KeyScope)),
  quotas: ref(KeyQuotas),
  created_at: Type.String(),
  last_used_at: Type.Optional(Type.String({ description: 'to the minute' })),
  expires_at: Type.Optional(Type.String()),
  revoked_at: Type.Optional(Type.String()),
}

export const KeyInfo = Type.Object(info, { $id: 'KeyInfo', description: 'a key, without its text' })
export type KeyInfo = Static<typeof KeyInfo>

export const NewKey = Type.Object(
  { ...info, key: Type.String({ description: 'its text, told this once' }) },
  { $id: 'NewKey', description: 'a key that was just made' },
)
export type NewKey = Static<typeof NewKey>

export const KeyList = Type.Object(
  { keys: Type.Array(ref(KeyInfo)) },
  { $id: 'KeyList', description: 'keys, oldest first' },
)

/** What crosses the wire about how the server's host is judged. */
import { Type, type Static } from 'typebox'
import { ref } from './ref.ts'

export const HostCheck = Type.Object(
  {
    name: Type.String(),
    ok: Type.Boolean(),
    unknown: Type.Optional(
      Type.Literal(true, { description: 'it could not be found out here: neither well nor wrong, and `ok` is false' }),
    ),
    required: Type.Boolean({ description: 'vms cannot run without it; else it is advice for production' }),
    found: Type.String({ description: 'what was found' }),
    why: Type.String({ description: 'why it matters' }),
    mend: Type.Optional(
      Type.String({ description: 'what to say on the host where it is not ok; several are parted by `; `' }),
    ),
  },
  { $id: 'HostCheck', description: 'one thing that a host should have' },
)
export type HostCheck = Static<typeof HostCheck>

export const HostReport = Type.Object(
  {
    node: Type.String({ description: 'the host that was judged: where the server runs' }),
    judged_at: Type.String({ description: 'RFC 3339' }),
    checks: Type.Array(ref(HostCheck)),
  },
  { $id: 'HostReport', description: 'what the server’s host has and lacks, as `vulcan doctor` says it there' },
)
export type HostReport = Static<typeof HostReport>

/** What crosses the wire about what was said between host and guest. */
import { Type, type Static } from 'typebox'

export const Conversation = Type.Object(
  {
    count: Type.Integer({ minimum: 0, description: 'frames that there were' }),
    bytes: Type.Integer({ minimum: 0, description: 'of all of them, headers included' }),
    frames: Type.Array(
      Type.Object({
        number: Type.Integer({ minimum: 1, description: 'counts from 1; some in the middle may be left out' }),
        at_ms: Type.Number({ description: 'milliseconds of the epoch' }),
        from: Type.Enum(['host', 'guest'], { type: 'string' }),
        kind: Type.String({
          description: 'operation of a control frame, stream of a data frame, or `end of` a stream',
        }),
        bytes: Type.Integer({ minimum: 0 }),
      }),
      { description: 'the first and the last ones' },
    ),
  },
  { $id: 'Conversation', description: 'what host and guest said over vsock for this run: never what was in it' },
)
export type Conversation = Static<typeof Conversation>

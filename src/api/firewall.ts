/** What crosses the wire about the firewall around one vm. */
import { Type, type Static } from 'typebox'

const family = Type.Enum(['bridge', 'inet'], { type: 'string', description: 'of the table' })

export const Firewall = Type.Object(
  {
    table: Type.String({ description: 'name of the two tables, in the families bridge and inet' }),
    elements: Type.Array(
      Type.Object({
        family,
        set: Type.String({ description: 'set or map that it is in' }),
        element: Type.String({ description: 'as nft writes it' }),
      }),
      { description: 'what is in sets and maps for this vm alone' },
    ),
    elements_others: Type.Integer({ minimum: 0, description: 'elements beyond these, all of what `allow` opens' }),
    chains: Type.Array(
      Type.Object({
        family,
        chain: Type.String(),
        hook: Type.Optional(Type.String({ description: 'where the kernel enters it; others are jumped to' })),
        rules: Type.Array(Type.String({ description: 'as nft writes it' })),
      }),
      { description: 'chains that a packet of the vm meets, in that order; all vms of its network mode share them' },
    ),
    sets: Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'addresses in the sets that those chains name, which are the same for all vms',
    }),
  },
  {
    $id: 'Firewall',
    description: 'the firewall’s rules for the vm of this run, as they were handed to nft; absent in listings',
  },
)
export type Firewall = Static<typeof Firewall>

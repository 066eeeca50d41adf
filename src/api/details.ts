/** Where the vm of a run was, for people who want to understand or to look into it. */
import { Type } from 'typebox'

export const networkModes = ['none', 'host', 'internet'] as const

export const RunDetails = Type.Object(
  {
    kernel: Type.String({ description: 'release of the guest’s kernel' }),
    image: Type.String({ description: 'digest of the image' }),
    uid: Type.Integer({ description: 'user that the VMM ran as on the host' }),
    cgroup: Type.String({ description: 'path below the root of cgroups' }),
    interpreter: Type.Optional(
      Type.Enum(['waited', 'new'], {
        type: 'string',
        description: 'whether it ran already and waited for the program, or was started for it',
      }),
    ),
    network: Type.Object({
      mode: Type.Enum([...networkModes], { type: 'string' }),
      nic: Type.Optional(
        Type.Object({
          address: Type.String({ description: 'of the guest, with its prefix' }),
          mac: Type.String(),
          gateway: Type.String(),
          tap: Type.String({ description: 'interface of the VMM, in the network namespace' }),
          netns: Type.String({ description: 'name of the network namespace' }),
          port: Type.String({ description: 'the host’s end of the cable, a port of the bridge' }),
          peer: Type.Optional(Type.String({ description: 'the cable’s other end, which tc joins to the tap' })),
          bridge: Type.Optional(Type.String({ description: 'the host’s bridge' })),
        }),
      ),
    }),
  },
  { description: 'where the vm was' },
)

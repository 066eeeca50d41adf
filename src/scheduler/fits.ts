/** Whether a program can be handed what a request gives it: bounds of the guest's kernel and of the way there. Pure. */
import type { FieldFault } from '../api/problem.ts'
import type { WorkloadRequest } from '../api/workload.ts'

/** In bytes: Linux gives a program no longer argument or variable (MAX_ARG_STRLEN, of which one is the NUL at its end). */
export const stringMaxBytes = 131_071
/** In bytes of JSON: arguments, variables and input go into the vm in one frame of a mebibyte, and leave room for our own. */
export const handedMaxBytes = 960 << 10

type Handed = Pick<WorkloadRequest, 'args' | 'env' | 'input'>

/** Each string that is too long, else what takes most of all that is. */
export function fitFaults({ args = [], env = {}, input }: Handed): FieldFault[] {
  const strings = [
    ...args.map((arg, i) => [`/args/${i}`, arg] as const),
    ...Object.entries(env).map(([name, value]) => [variablePath(name), `${name}=${value}`] as const),
  ]
  const faults = strings.flatMap(([path, text]) => {
    const bytes = Buffer.byteLength(text)
    if (bytes <= stringMaxBytes) return []
    return [{ path, message: `takes ${bytes} bytes; Linux gives a program at most ${stringMaxBytes} in one piece` }]
  })
  return faults.length > 0 ? faults : togetherFaults({ args, env, input })
}

/** As text in JSON, since quotes in it count twice. */
function togetherFaults({ args, env, input }: Handed): FieldFault[] {
  const parts = Object.entries({ args, env, input: JSON.stringify(input) ?? '' })
  const sizes = parts.map(([name, value]) => ({ name, bytes: Buffer.byteLength(JSON.stringify(value)) }))
  const bytes = sizes.reduce((sum, part) => sum + part.bytes, 0)
  if (bytes <= handedMaxBytes) return []
  const largest = sizes.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const most = `args, env and input go into the vm as ${bytes} bytes of JSON; at most ${handedMaxBytes} do`
  return [
    { path: `/${largest.name}`, message: `is too large: ${most}. Put it into a file of an archive, or into stdin` },
  ]
}

/** A JSON pointer to a variable. */
export const variablePath = (name: string): string => `/env/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/** What can come next on an unfinished command line. Pure: the commands themselves say what there is. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { runtimes } from '../api/runtimes.ts'
import { settings } from '../settings.ts'

export interface Suggestion {
  readonly value: string
  readonly about: string
}

/** What the cursor stands at: words that are known, files, or ids that only a server knows. */
export type Place =
  | { readonly kind: 'words'; readonly words: readonly Suggestion[]; readonly unfinished?: boolean }
  | { readonly kind: 'files' }
  | { readonly kind: 'workloads'; readonly which: 'all' | 'alive' }
  | { readonly kind: 'keys' }

/** Every option and argument that takes something other than its own choices, by its long name or its name. */
const values: Readonly<Record<string, () => Place>> = {
  '--runtime': () => ({ kind: 'words', words: runtimes.map(({ name }) => ({ value: name, about: '' })) }),
  '--backend': () => plain(['firecracker', 'fake']),
  '--set': () => ({
    kind: 'words',
    words: Object.entries(settings).map(([name, { doc }]) => ({ value: `${name}=`, about: doc })),
    unfinished: true,
  }),
  '--home': () => ({ kind: 'files' }),
  '--exclude': () => ({ kind: 'files' }),
  '--env-file': () => ({ kind: 'files' }),
  '--stdin': () => ({ kind: 'files' }),
  source: () => ({ kind: 'files' }),
  path: () => ({ kind: 'files' }),
  command: () => ({ kind: 'files' }),
  args: () => ({ kind: 'files' }),
  id: () => ({ kind: 'workloads', which: 'all' }),
  key: () => ({ kind: 'keys' }),
  ids: () => ({ kind: 'workloads', which: 'alive' }),
  '--cursor': () => ({ kind: 'workloads', which: 'all' }),
}

const plain = (words: readonly string[]): Place => ({
  kind: 'words',
  words: words.map((value) => ({ value, about: '' })),
})
const nothing = plain([])

type Option = CommandUnknownOpts['options'][number]
type Argument = CommandUnknownOpts['registeredArguments'][number]

/** `words` are those behind the program's name, the last one being the unfinished one, empty perhaps. */
export function placeOf(program: CommandUnknownOpts, words: readonly string[]): Place {
  let command = program
  let pending: Option | undefined
  let position = 0
  for (const word of words.slice(0, -1)) {
    if (word === '--') return { kind: 'files' }
    if (pending) pending = undefined
    else if (word.startsWith('-') && word !== '-') pending = word.includes('=') ? undefined : taking(command, word)
    else {
      const inner = position === 0 ? command.commands.find((other) => other.name() === word) : undefined
      if (inner) command = inner
      else position += 1
    }
  }
  const last = words.at(-1) ?? ''
  if (pending) return valuesOf(pending.long ?? '', pending)
  if (last.startsWith('-')) return behindDash(command, last)
  const inner = command.createHelp().visibleCommands(command)
  if (inner.length > 0 && position === 0)
    return { kind: 'words', words: inner.map((one) => known(one.name(), one.description())) }
  const argument = command.registeredArguments[position] ?? command.registeredArguments.findLast((one) => one.variadic)
  return argument ? valuesOf(argument.name(), argument) : nothing
}

function behindDash(command: CommandUnknownOpts, word: string): Place {
  const option = word.includes('=') ? taking(command, word.slice(0, word.indexOf('='))) : undefined
  if (option) return valuesOf(option.long ?? '', option)
  const options = command.createHelp().visibleOptions(command)
  return { kind: 'words', words: options.flatMap(({ long, description }) => (long ? [known(long, description)] : [])) }
}

/** The option of that name, when it takes a value. */
function taking(command: CommandUnknownOpts, name: string): Option | undefined {
  const option = command.options.find(({ long, short }) => long === name || short === name)
  return option && (option.required || option.optional) ? option : undefined
}

function valuesOf(name: string, { argChoices }: Option | Argument): Place {
  return argChoices ? plain(argChoices) : (values[name]?.() ?? nothing)
}

const known = (value: string, about: string): Suggestion => ({ value, about })

/** The part of a word that is being completed: of `--name=va` the value. */
export function partOf(word: string): string {
  return /^--?[\w-]+=/.test(word) ? word.slice(word.indexOf('=') + 1) : word
}

/** The home that the line itself names. */
export function homeIn(words: readonly string[]): string | undefined {
  const at = words.findLastIndex((word) => word === '--home' || word.startsWith('--home='))
  return at < 0 ? undefined : words[at]?.slice('--home='.length) || words[at + 1]
}

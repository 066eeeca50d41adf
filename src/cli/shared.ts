/** The options that every command understands, wherever on the line they stand, and the settings that they stand for. */
import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { collect } from './collect.ts'
import { UsageError } from './context.ts'

export interface SharedFlags {
  readonly home?: string
  readonly backend?: string
  readonly set?: readonly string[]
}

export function sharedOptions(): Option[] {
  return [
    new Option('--home <folder>', 'everything Vulcan keeps ($VULCAN_HOME)'),
    new Option('--backend <name>', 'what runs workloads: firecracker, or fake for tests'),
    new Option('--set <name=value>', 'any setting; see vulcan config').argParser(collect),
  ]
}

/** Understood behind the names of commands too, where people write them, but told of once. */
export function withSharedOptions(command: CommandUnknownOpts): CommandUnknownOpts {
  for (const option of sharedOptions()) command.addOption(option.hideHelp())
  for (const inner of command.commands) withSharedOptions(inner)
  return command
}

/** Of what was given at several places of one line, the nearest to its end holds: `optsWithGlobals` has it the other way. */
export function sharedFlagsOf(command: CommandUnknownOpts): SharedFlags {
  const outer = command.parent ? sharedFlagsOf(command.parent) : {}
  const own: SharedFlags = command.opts()
  return { ...outer, ...own, set: [...(outer.set ?? []), ...(own.set ?? [])] }
}

/** By the names of settings; of two `--set` of one name the later holds. */
export function settingsOf({ home, backend, set = [] }: SharedFlags): Record<string, unknown> {
  const pairs = set.map((word) => {
    const at = word.indexOf('=')
    if (at < 1) throw new UsageError(`--set ${word}: is not name=value`)
    return [word.slice(0, at), word.slice(at + 1)]
  })
  // An empty one is refused by its setting: `--home "$UNSET"` must not act on the home of all.
  return {
    ...Object.fromEntries(pairs),
    ...(home !== undefined && { home }),
    ...(backend !== undefined && { backend }),
  }
}

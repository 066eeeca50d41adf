/** vulcan completion: the scripts for shells, and the command that they ask for what can come next. */
import { Command, Argument, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { script, ShellCompDirective } from '@bomb.sh/tab'
import type { Client, Page } from '../api/client.ts'
import { VulcanError } from '../api/errors.ts'
import type { KeyInfo } from '../api/keys.ts'
import type { Act } from './cli.ts'
import { connectToRunning } from './connect.ts'
import type { Context } from './context.ts'
import { homeIn, partOf, placeOf, type Place, type Suggestion } from './suggest.ts'
import { age } from './terminal.ts'
import { visible } from './text.ts'

const help = `
For this shell only, or in its start file for good:
  bash  source <(vulcan completion bash)
  zsh   source <(vulcan completion zsh)     # behind compinit
  fish  vulcan completion fish | source`

export function completionCommand(act: Act): CommandUnknownOpts {
  return new Command('completion')
    .description('print a script that makes a shell complete commands, flags and ids')
    .addArgument(new Argument('<shell>', 'that asks').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', help)
    .action((shell) =>
      act(async ({ print }) => {
        if (shell === 'bash') await print(bash)
        else script(shell, 'vulcan', 'vulcan')
      }),
    )
}

/** What the scripts call: `complete -- WORD…`, the last word unfinished. Prints `value TAB description` and a directive. */
export function completeCommand(act: Act): CommandUnknownOpts {
  const command = new Command('complete').argument('[words...]').action((words) =>
    act(async (context) => {
      const place = placeOf(command.parent ?? command, words)
      const found = await suggestionsOf(context, { place, home: homeIn(words) })
      const part = partOf(words.at(-1) ?? '')
      const lines = found
        .filter(({ value }) => value.startsWith(part))
        .map(({ value, about }) => `${value}${about && `\t${about}`}\n`)
      await context.print(`${lines.join('')}:${directiveOf(place)}\n`)
    }),
  )
  return command
}

function directiveOf(place: Place): number {
  if (place.kind === 'files') return ShellCompDirective.ShellCompDirectiveDefault
  const unfinished = place.kind === 'words' && place.unfinished ? ShellCompDirective.ShellCompDirectiveNoSpace : 0
  // Newest first is the order of workloads, declared is that of options.
  const order = ShellCompDirective.ShellCompDirectiveKeepOrder
  return ShellCompDirective.ShellCompDirectiveNoFileComp + order + unfinished
}

async function suggestionsOf(
  context: Context,
  { place, home = context.config.home }: { place: Place; home: string | undefined },
): Promise<readonly Suggestion[]> {
  if (place.kind === 'words') return place.words
  if (place.kind === 'files') return []
  const ask = place.kind === 'keys' ? validKeys : workloads(place.which)
  return asked({ ...context, config: { ...context.config, home } }, ask)
}

/** What the running server is asked for. */
type Ask = (client: Client, signal: AbortSignal) => Promise<readonly Suggestion[]>

/** Milliseconds that somebody who pressed Tab is kept waiting at most. */
const askMs = 1000

/** The ids that the running server knows; none when there is no server or it is slow. */
async function asked(context: Context, ask: Ask): Promise<readonly Suggestion[]> {
  const signal = AbortSignal.timeout(askMs)
  try {
    return await ask(await connectToRunning({ ...context, signal }), signal)
  } catch (error) {
    // A shell shows what we say in the middle of the line being typed, so no server is no news here.
    if (error instanceof VulcanError || signal.aborted) return []
    throw error
  }
}

const workloads =
  (which: 'all' | 'alive'): Ask =>
  async (client, signal) => {
    const queries = which === 'all' ? [{ limit: '50' }] : [{ status: 'running' }, { status: 'pending' }]
    const pages = await Promise.all(queries.map((query: Record<string, string>) => client.list(query, signal)))
    return pages.flatMap((page) => page.workloads.map(suggestionOf))
  }

const validKeys: Ask = async (client) => (await client.keys()).filter(isValid).map(suggestionOfKey)

const isValid = ({ revoked_at: revoked }: KeyInfo): boolean => revoked === undefined

const suggestionOfKey = ({ id, name, scopes }: KeyInfo): Suggestion => ({
  value: id,
  about: visible(`${name}: ${scopes.join(', ')}`),
})

const suggestionOf = ({ id, status, runtime, created_at: created }: Page['workloads'][number]): Suggestion => ({
  value: id,
  about: visible(`${status}, ${runtime}, ${age(Date.now() - Date.parse(created))} ago`),
})

/**
 * Of our own: the library's script evaluates what was typed, so that Tab would run a $(command) on the line, needs the
 * bash-completion package, and never falls back to files.
 */
const bash = `# bash completion for vulcan
_vulcan() {
  local words=() word directive=0 value IFS=$' \\t\\n'
  # bash cuts --name=value into three words.
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if (( \${#words[@]} )) && [[ $word == = || \${words[\${#words[@]}-1]} == *= ]]; then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
  done
  (( \${#words[@]} )) || words=('')
  COMPREPLY=()
  while IFS= read -r value; do
    if [[ $value == :* ]]; then directive=\${value#:}; else COMPREPLY+=("\${value%%$'\\t'*}"); fi
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" complete -- "\${words[@]}" 2>/dev/null)
  (( directive & ${ShellCompDirective.ShellCompDirectiveNoSpace} )) && compopt -o nospace
  (( directive & ${ShellCompDirective.ShellCompDirectiveKeepOrder} )) && compopt -o nosort 2>/dev/null
  (( directive & ${ShellCompDirective.ShellCompDirectiveNoFileComp} )) || compopt -o default
}
complete -F _vulcan vulcan
`

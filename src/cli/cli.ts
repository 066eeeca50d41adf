/** The command line: which commands there are, and what surrounds each: settings, signals, errors, the exit status. */
import { Command, CommanderError, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { askedColumns, loadConfig } from '../config.ts'
import { collect } from './collect.ts'
import { backupCommand } from './backup.ts'
import { benchCommand } from './bench.ts'
import { backendsCommand, imagesCommand, nodesCommand } from './backends.ts'
import { completeCommand, completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { UsageError, type Wiring, type Work, StoppedBy } from './context.ts'
import { doctorCommand } from './doctor.ts'
import { downCommand } from './down.ts'
import { exits, statusOfError, wordsOf } from './exits.ts'
import { gcCommand } from './gc.ts'
import { keysCommand } from './keys.ts'
import { killCommand } from './kill.ts'
import { logsCommand } from './logs.ts'
import { lsCommand } from './ls.ts'
import { machineCommand } from './machine.ts'
import { openCommand } from './open.ts'
import { runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { setupCommand } from './setup.ts'
import { statusCommand } from './status.ts'
import { printTo, screenOn, widthBehind, type Streams } from './streams.ts'
import { Terminal } from './terminal.ts'
import { templatesCommand } from './templates.ts'
import { upCommand } from './up.ts'

/** How a command runs once its words are understood. */
export type Act = (work: Work) => Promise<void>

/** Runs one command line; resolves with the exit status. */
export async function cli(words: readonly string[], wiring: Wiring): Promise<number> {
  let status = 0
  let flags: SharedFlags = {}
  const surroundings = surroundingsOf(wiring.streams ?? process)
  using stop = onSignals()
  const program = new Command('vulcan')
    .description('Runs Go, Node and Python programs in Firecracker microVMs')
    .version(wiring.version)
    .enablePositionalOptions()
    .hook('preAction', (_program, command) => {
      flags = command.optsWithGlobals()
    })
  for (const option of sharedOptions()) program.addOption(option)
  const act: Act = async (work) => {
    const loaded = loadConfig(settingsOf(flags))
    status = (await work({ ...wiring, ...surroundings, loaded, config: loaded.config, signal: stop.signal })) ?? 0
  }
  for (const make of commands) program.addCommand(withSharedOptions(make(act)))
  program.addCommand(completeCommand(act), { hidden: true })
  dress(program, wiring.streams ?? process)
  try {
    await program.parseAsync([...words], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exits.usage
    if (isGone(error)) return exits.killed
    if (error === stop.signal.reason) return exits.interrupted
    surroundings.terminal.note(wordsOf(error))
    return stop.signal.aborted ? exits.interrupted : statusOfError(error)
  }
  return status
}

function surroundingsOf({ stdin, stdout, stderr }: Streams) {
  const asked = askedColumns()
  return {
    stdin,
    print: printTo(stdout),
    printError: printTo(stderr),
    columns: widthBehind(stdout, asked),
    terminal: new Terminal(screenOn(stderr, asked)),
  }
}

/** Understood behind the command's name too, where people write them, but told of once. */
function withSharedOptions(command: CommandUnknownOpts): CommandUnknownOpts {
  for (const option of sharedOptions()) command.addOption(option.hideHelp())
  return command
}

/** What commander asks for on each command: errors are thrown, and words go to these streams. */
function dress(command: CommandUnknownOpts, { stdout, stderr }: Omit<Streams, 'stdin'>): void {
  const asked = askedColumns()
  command
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => widthBehind(stdout, asked) as number,
      getErrHelpWidth: () => widthBehind(stderr, asked) as number,
    })
  for (const inner of command.commands) dress(inner, { stdout, stderr })
}

const commands: readonly ((act: Act) => CommandUnknownOpts)[] = [
  runCommand,
  logsCommand,
  statusCommand,
  lsCommand,
  killCommand,
  openCommand,
  serveCommand,
  upCommand,
  downCommand,
  setupCommand,
  doctorCommand,
  machineCommand,
  configCommand,
  gcCommand,
  keysCommand,
  backupCommand,
  backendsCommand,
  nodesCommand,
  imagesCommand,
  templatesCommand,
  benchCommand,
  completionCommand,
]

interface SharedFlags {
  readonly home?: string
  readonly backend?: string
  readonly set?: readonly string[]
}

function sharedOptions(): Option[] {
  return [
    new Option('--home <folder>', 'everything Vulcan keeps ($VULCAN_HOME)'),
    new Option('--backend <name>', 'what runs workloads: firecracker, or fake for tests'),
    new Option('--set <name=value>', 'any setting; see vulcan config').argParser(collect),
  ]
}

function settingsOf({ home, backend, set = [] }: SharedFlags): Record<string, unknown> {
  const pairs = set.map((word) => {
    const at = word.indexOf('=')
    if (at < 1) throw new UsageError(`--set ${word}: is not name=value`)
    return [word.slice(0, at), word.slice(at + 1)]
  })
  return { ...Object.fromEntries(pairs), ...(home && { home }), ...(backend && { backend }) }
}

/** The first SIGINT or SIGTERM asks for an orderly end, a second one ends the process at once. */
function onSignals(): { signal: AbortSignal } & Disposable {
  const stop = new AbortController()
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(exits.interrupted)
    stop.abort(new StoppedBy(name))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  }
}

/** The reader of our output has gone, as with `| head`. */
const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE'

/** The command line: which commands there are, and what surrounds each: settings, signals, errors, the exit status. */
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { askedColumns, loadConfig } from '../config.ts'
import { backupCommand } from './backup.ts'
import { benchCommand } from './bench.ts'
import { backendsCommand, imagesCommand, nodesCommand } from './backends.ts'
import { completeCommand, completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { type Wiring, type Work, StoppedBy } from './context.ts'
import { doctorCommand } from './doctor.ts'
import { downCommand } from './down.ts'
import { exits, statusOfError, wordsOf } from './exits.ts'
import { gcCommand } from './gc.ts'
import { dress } from './help.ts'
import { keysCommand } from './keys.ts'
import { killCommand } from './kill.ts'
import { logsCommand } from './logs.ts'
import { lsCommand } from './ls.ts'
import { machineCommand } from './machine.ts'
import { openCommand } from './open.ts'
import { runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { setupCommand } from './setup.ts'
import { settingsOf, sharedFlagsOf, sharedOptions, withSharedOptions, type SharedFlags } from './shared.ts'
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
      flags = sharedFlagsOf(command)
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
    if (isGone(error)) return exits.outputClosed
    if (error === stop.signal.reason) return exits.interrupted
    surroundings.terminal.note(wordsOf(error), 'error')
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

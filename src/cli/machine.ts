/** vulcan machine: the host machine, for people. */
import { constants } from 'node:os'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { terminalType } from '../config.ts'
import { machineShell } from '../machine/exec.ts'
import { machineStatus, stopMachine, type MachineStatus } from '../machine/machine.ts'
import type { Act } from './cli.ts'
import { connect } from './connect.ts'
import type { Context } from './context.ts'
import { removeServerFile } from './serverfile.ts'
import { foldLines, json } from './text.ts'

export function machineCommand(act: Act): CommandUnknownOpts {
  const machine = new Command('machine')
    .description('the host machine that vms run in where KVM is not usable')
    .enablePositionalOptions()
  machine
    .command('start')
    .description('start it and its server')
    .option('--json', 'its status as JSON')
    .action((o) => act((context) => start(context, o.json === true)))
  machine
    .command('stop')
    .description('power it off')
    .option('--json', 'what was stopped, as JSON')
    .action((o) => act((context) => stop(context, o.json === true)))
  machine
    .command('status')
    .description('show whether and how it runs')
    .option('--json', 'as JSON')
    .action(({ json: asJson }) =>
      act(async ({ config, print, columns = Infinity }) => {
        const status = await machineStatus({ home: config.home })
        await print(asJson ? json(status) : foldLines(wordsOf(status), columns))
      }),
    )
  machine
    .command('shell')
    .description('a root shell in it')
    .action(() => act((context) => inside(context, ['/bin/sh', '-l'])))
  machine
    .command('exec')
    .description('run a command in it')
    .argument('<command...>', 'best behind --')
    .passThroughOptions()
    .action((words) => act((context) => inside(context, words)))
  return machine
}

async function start(context: Context, asJson: boolean): Promise<void> {
  const loaded = { ...context.loaded, config: { ...context.config, place: 'machine' as const } }
  await connect({ ...context, loaded, config: loaded.config }, [])
  const status = await machineStatus({ home: context.config.home })
  if (asJson) return context.print(json(status))
  context.terminal.note(wordsOf(status).trimEnd())
}

async function stop({ config, terminal, signal, print }: Context, asJson: boolean): Promise<void> {
  const stopped = await stopMachine({ home: config.home, signal })
  if (stopped) await removeServerFile(config.home)
  if (asJson) return print(json({ machine: stopped }))
  terminal.note(stopped ? 'the machine is off' : 'no machine was running')
}

async function inside({ config, terminal, signal }: Context, argv: readonly string[]): Promise<number> {
  if (!(await machineStatus({ home: config.home })).running) {
    terminal.note('no machine is running; start it: vulcan machine start')
    return 125
  }
  const { stdin, stdout, stderr } = process
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' }
  const joined = { stdin, stdout, stderr, term: terminalType() }
  const { code, signal: name } = await machineShell({ home: config.home, argv, env, ...joined, signal })
  return code ?? 128 + ((constants.signals as Readonly<Record<string, number>>)[name ?? ''] ?? 0)
}

function wordsOf(status: MachineStatus): string {
  if (!status.running) return 'the machine is off\n'
  const restarts = status.restarts > 0 ? `, started anew ${status.restarts} times (${status.lastFailure})` : ''
  return (
    `the machine is ${status.state} at 127.0.0.1:${status.port}, up for ${Math.round(status.uptimeS)} s${restarts}\n` +
    `  QEMU ${status.qemuVersion} (pid ${status.pid}), ${status.cores} cores, ${status.memMib} MiB; ` +
    `booted in ${(status.upAfterMs / 1000).toFixed(1)} s, ready after ${(status.readyAfterMs / 1000).toFixed(1)} s\n`
  )
}

/** The machine and the server in it, as this home's settings want them. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { locateMachineAssets } from '../images/machine.ts'
import { ensureProgram } from '../images/assets.ts'
import type { RunningMachine } from '../machine/machine.ts'
import { machineStatus, restartServer } from '../machine/machine.ts'
import { machineAddress, type ServerCommand } from '../machine/options.ts'
import { startMachine } from '../machine/start.ts'
import { asVariables, telemetryVariables } from '../config.ts'
import type { Context } from './context.ts'
import { ensureKey } from './key.ts'
import { workplaceOf } from './prepare.ts'

/** Port of the server in the machine, which has the network for itself. */
const machinePort = 7777

/** Settings that mean this host, not the machine. */
const ownSettings = [
  'HOME',
  'PLACE',
  'CGROUP',
  'SERVER_HOST',
  'SERVER_PORT',
  'READY_FD',
  'MACHINE_',
  'FIRECRACKER',
  'JAILER',
  'KERNEL',
  'PLUGINS_TAP',
]

/** Starts the machine or finds it running; resolves when its server, which proves itself by the secret, listens. */
export async function startMachineServer(context: Context, secret: string): Promise<RunningMachine> {
  const { config, root, signal } = context
  const assets = await locateMachineAssets(config.home)
  return startMachine({
    home: config.home,
    tool: await ensureProgram(workplaceOf(context), 'machine'),
    qemu: assets.qemu,
    kernel: assets.vmlinux,
    initramfs: assets.initramfs,
    rootfs: assets.rootfs,
    memMib: config['machine.mem_mb'],
    cores: config['machine.cores'],
    diskGib: config['machine.disk_gb'],
    shares: [
      { tag: 'app', path: root },
      { tag: 'assets', path: join(config.home, 'assets') },
      { tag: 'images', path: join(config.home, 'images') },
    ],
    server: await serverCommand(context, secret),
    machinePort,
    hostPort: await portFor(context),
    restrict: config['machine.restrict'],
    signal,
  })
}

/** Starts the server in the running machine anew, with the newest program and settings. */
export async function renewMachineServer(context: Context, secret: string): Promise<void> {
  const server = await serverCommand(context, secret)
  await restartServer({ home: context.config.home, server, signal: context.signal })
}

/** How it is started; a server that runs is started anew where this has changed. */
export async function serverCommand(
  { config, loaded }: Pick<Context, 'config' | 'loaded'>,
  secret: string,
): Promise<ServerCommand> {
  const given = Object.entries(asVariables(loaded)).filter(
    ([name]) => !ownSettings.some((own) => name.startsWith(`VULCAN_${own}`)),
  )
  return {
    // Under emulation each step of V8's interpreter is dear, and most of what a request needs is not yet compiled.
    argv: ['node', '--always-sparkplug', '/opt/vulcan/dist/vulcan.js', 'serve'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      // Under emulation compiling the program anew is most of the server's start.
      NODE_COMPILE_CACHE: '/var/lib/vulcan/compiled',
      ...telemetryVariables(),
      ...Object.fromEntries(given),
      VULCAN_HOME: '/var/lib/vulcan',
      VULCAN_PLACE: 'host',
      VULCAN_SERVER_HOST: machineAddress,
      VULCAN_SERVER_PORT: String(machinePort),
      VULCAN_SERVER_KEY_SHA256: (await ensureKey(config.home)).sha256,
      // The same for each start of it: our server.json names it, and is not written then.
      VULCAN_SERVER_SECRET: secret,
      VULCAN_READY_FD: '3',
    },
    cwd: '/',
  }
}

/** The port that is set; the standard one where it is free, else any. */
async function portFor({ config, loaded, terminal }: Context): Promise<number> {
  const port = config['server.port']
  if (loaded.origins['server.port'] !== 'default') return port
  const found = await machineStatus({ home: config.home })
  // A machine that is started anew keeps its own.
  if (found.running) return found.port
  if (await isFree(port)) return port
  terminal.note(`port ${port} is taken; the server in the machine gets another one`)
  return 0
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer().once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

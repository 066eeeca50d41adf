/** From a home to a client of its server. `run` needs no running server: one is started, here or in the machine. */
import { Client } from '../api/client.ts'
import { VulcanError } from '../api/errors.ts'
import { newSecret } from '../base/proof.ts'
import { lock } from '../base/lock.ts'
import { asVariables } from '../config.ts'
import { deadline, DeadlineExceeded, sleep } from '../base/time.ts'
import { currentPaths } from '../images/superseded.ts'
import { machineStatus } from '../machine/machine.ts'
import { buildOf } from './build.ts'
import type { Context } from './context.ts'
import { startHostServer, stopHostServer } from './hostserver.ts'
import { Identity, isStranger } from './identity.ts'
import { findsNoRun, givenInVain, notInForce } from './inforce.ts'
import { ensureKey } from './key.ts'
import { renewMachineServer, startMachineServer } from './machineserver.ts'
import { choosePlace, prepareAll, prepareImages } from './prepare.ts'
import { readServerFile, writeServerFile, type ServerFile } from './serverfile.ts'
import type { Terminal } from './terminal.ts'

/** With up to 5 s between them, about five minutes: an emulated machine that is started anew needs two. */
const reconnects = 64
/** Milliseconds for a server to say that it lives; and for one that was just started, which is there. */
const healthMs = 5000
const firstHealthMs = 60_000
/** Milliseconds for a service manager to start the next server. */
const serviceMs = 120_000

interface Live {
  readonly file: ServerFile
  readonly client: Client
  readonly build: string
}

export interface Wanted {
  /** It has the settings given here too; one that has others makes way, as one of another build does. */
  readonly asSet?: boolean
}

/** The client of a server of this very build that can run those runtimes; what is missing is made and started. */
export async function connect(context: Context, runtimes: readonly string[], o: Wanted = {}): Promise<Client> {
  const { terminal } = context
  const live = await fitting(context, { ...o, onStranger: ({ message }) => terminal.note(message) })
  return live ? use(context, live, runtimes) : start(context, runtimes, o)
}

/** The client of the server that runs; rejects with server_unreachable when there is none. */
export async function connectToRunning(context: Context): Promise<Client> {
  let stranger: VulcanError | undefined
  const live = await findLive(context, { onStranger: (error) => (stranger = error) })
  if (live) return live.client
  const hint = 'start it: vulcan up'
  throw stranger ?? new VulcanError('server_unreachable', `no server of ${context.config.home} answers`, { hint })
}

async function use(context: Context, { file, client }: Live, runtimes: readonly string[]): Promise<Client> {
  const inVain = givenInVain(file, context.loaded)
  if (inVain !== undefined) context.terminal.note(inVain)
  await prepareImages(context, runtimes)
  return client
}

async function start(context: Context, runtimes: readonly string[], o: Wanted): Promise<Client> {
  const { config, terminal, signal } = context
  await using _lock = await lock(`${config.home}/starting`, {
    signal,
    onWait: () => terminal.note('another command is starting the server; waiting for it'),
  })
  const meanwhile = await fitting(context, o)
  if (meanwhile) return await use(context, meanwhile, runtimes)
  const place = await choosePlace(context)
  if (place.kind === 'machine' && !(await machineStatus({ home: config.home })).running) {
    terminal.note(`KVM is not usable here (${place.reason}): using a host machine of our own, emulated by QEMU`)
  }
  await prepareAll(context, place, runtimes)
  await (place.kind === 'host' ? onHost(context) : inMachine(context))
  const live = await fitting(context, { timeoutMs: firstHealthMs })
  if (live) return live.client
  throw new VulcanError('server_unreachable', 'the server was started but does not answer', { step: 'start' })
}

async function onHost(context: Context): Promise<void> {
  const { config, loaded, terminal } = context
  const before = await readServerFile(config.home)
  // What runs goes on with a server of the same kind.
  const handsOver = before?.backend === config.backend && !findsNoRun(before, loaded)
  await stopHostServer(config.home, { handsOver })
  await ensureKey(config.home)
  // One that we started would keep the service's from starting, and end with nobody to start the next.
  if (before?.service) await terminal.step('waiting for the service to start its server', () => served(context))
  else await terminal.step('starting the server', () => startHostServer(context))
}

/** Resolves when the service manager has started the server. */
async function served(context: Context): Promise<void> {
  const { config, signal } = context
  const limit = { timeoutMs: serviceMs, signal }
  try {
    await deadline('the start of the server by its service', limit, async (inner) => {
      while (!(await findLive(context))) await sleep(500, inner)
    })
  } catch (cause) {
    if (!(cause instanceof DeadlineExceeded)) throw cause
    throw new VulcanError('server_unreachable', `the service of ${config.home} did not start its server`, {
      step: 'start',
      hint: 'see why: systemctl status vulcan; or start one that is no service: vulcan down && vulcan up',
      cause,
    })
  }
}

async function inMachine(context: Context): Promise<void> {
  const { config, terminal } = context
  await stopHostServer(config.home)
  // A server that runs in there already goes on with what it found at its own start.
  const before = (await machineStatus({ home: config.home })).running ? await readServerFile(config.home) : undefined
  const secret = before?.secret ?? newSecret()
  if (before && findsNoRun(before, context.loaded)) {
    throw new VulcanError(
      'machine_failed',
      'the server in the machine cannot be given another node, instance or subnet',
      {
        step: 'start',
        hint: 'its runs would be lost; end them: vulcan down && vulcan up',
      },
    )
  }
  const { 'server.host': host } = config
  if (context.loaded.origins['server.host'] !== 'default' && host !== '127.0.0.1')
    context.terminal.note(`server.host = ${host} is for a server on a host: that of the machine listens at 127.0.0.1`)
  const holds = await currentPaths(config.home)
  const machine = await terminal.step('starting the machine', () => startMachineServer(context, secret))
  const file: ServerFile = {
    ...{ url: `http://127.0.0.1:${machine.port}`, place: 'machine', backend: config.backend, secret },
    ...{ settings: asVariables(context.loaded), holds },
  }
  // Whatever ran in there, it has been started with these settings by now.
  await writeServerFile(config.home, { ...file, holds: [...new Set([...(before?.holds ?? []), ...holds])] })
  if (await fitting(context, { timeoutMs: firstHealthMs })) return
  await terminal.step('starting the server anew in the machine', () => renewMachineServer(context, secret))
  await writeServerFile(config.home, file)
}

/** A client that finds the server of that home again when it was started anew, at another port perhaps. */
async function clientOf(home: string, identity: Identity, terminal: Terminal): Promise<Client> {
  let told = false
  return new Client({
    url: () => identity.url(),
    key: (await ensureKey(home)).text,
    fetch: identity.fetch,
    reconnects,
    onAway: ({ message }) => {
      if (!told) terminal.note(`the server went away (${message}); waiting for it to come back`)
      told = true
    },
  })
}

/** The live server, when it is what this command line would start. */
async function fitting(context: Context, { asSet, ...looking }: Wanted & Looking = {}): Promise<Live | undefined> {
  const [live, build] = await Promise.all([findLive(context, looking), ownBuild(context)])
  if (live?.file.backend !== context.config.backend || live.build !== build) return undefined
  if (asSet && notInForce(live.file, context.loaded).length > 0) return undefined
  return live
}

function ownBuild({ program, config }: Context): Promise<string> {
  return buildOf({ program, home: config.home })
}

interface Looking {
  readonly timeoutMs?: number
  /** Told when somebody answers who is not the server. */
  readonly onStranger?: (error: VulcanError) => void
}

async function findLive(context: Context, o: Looking = {}): Promise<Live | undefined> {
  const { config, terminal, signal } = context
  const identity = new Identity(config.home)
  try {
    const timeout = AbortSignal.timeout(o.timeoutMs ?? healthMs)
    const { file, health } = await identity.prove(AbortSignal.any([signal, timeout]))
    return { file, client: await clientOf(config.home, identity, terminal), build: health.build }
  } catch (error) {
    if (isStranger(error)) o.onStranger?.(error)
    if (error instanceof VulcanError || (error as Error).name === 'TimeoutError') return undefined
    throw error
  }
}

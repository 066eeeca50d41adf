/** One run of one CNI plugin: its environment, its standard input, its answer. */
import { join } from 'node:path'
import { exists } from '../../base/files.ts'
import { CommandFailed } from '../../base/process.ts'
import { sleep } from '../../base/time.ts'
import { argsText, type CniResult } from './conf.ts'
import { commandPath, type Host } from './host.ts'

export type CniCommand = 'ADD' | 'CHECK' | 'DEL'

/** A plugin's refusal, as the specification words it, or its death without one (code 999, as libcni has it). */
export class CniError extends Error {
  readonly command: CniCommand
  readonly plugin: string
  readonly code: number
  readonly msg: string
  readonly details: string | undefined

  constructor(init: Pick<CniError, 'command' | 'plugin' | 'code' | 'msg' | 'details'>, cause?: unknown) {
    super(`${init.plugin} ${init.command}: ${init.msg}${init.details ? `: ${init.details}` : ''}`, { cause })
    this.name = 'CniError'
    this.command = init.command
    this.plugin = init.plugin
    this.code = init.code
    this.msg = init.msg
    this.details = init.details
  }
}

/** One interface of one container. */
export interface Attachment {
  readonly containerId: string
  /** Path of its network namespace. */
  readonly netns: string
  readonly ifName: string
  readonly args: Readonly<Record<string, string>>
}

export interface Call {
  readonly command: CniCommand
  /** Type of the plugin: the name of its file. */
  readonly plugin: string
  readonly stdin: string
  readonly attachment: Attachment
  readonly signal?: AbortSignal
}

/** How plugins are run. */
export interface PluginHost {
  /** Folders of plugins, first match first. */
  readonly path: readonly string[]
  /** Milliseconds for each plugin. */
  readonly timeoutMs: number
  readonly host: Host
}

/** Tries of a plugin whose file is being written, and the pause between them in milliseconds. */
const busyTries = 5
const busyPauseMs = 200

/** Runs a plugin; resolves with what it wrote. Rejects with a CniError, or with CommandFailed when it was aborted. */
export async function execPlugin(o: PluginHost, call: Call): Promise<string> {
  const { attachment: a, signal } = call
  const file = await find(o, call)
  const env = {
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: a.containerId,
    CNI_NETNS: a.netns,
    CNI_IFNAME: a.ifName,
    CNI_ARGS: argsText({ IgnoreUnknown: '1', ...a.args }),
    CNI_PATH: o.path.join(':'),
    PATH: commandPath,
  }
  const options = { env, input: call.stdin, timeoutMs: o.timeoutMs, ...(signal ? { signal } : {}) }
  for (let tries = 1; ; tries++) {
    try {
      return (await o.host.run([file], options)).stdout
    } catch (error) {
      if (!isBusy(error) || tries === busyTries) throw translated(call, error)
      await sleep(busyPauseMs, signal)
    }
  }
}

/** Runs ADD of a plugin and reads its result. */
export async function execForResult(o: PluginHost, call: Call): Promise<CniResult> {
  const stdout = await execPlugin(o, call)
  const result = parsed(stdout) as CniResult | undefined
  if (result?.cniVersion === undefined) throw failure(call, { msg: `the answer is no result: ${stdout.slice(0, 200)}` })
  return result
}

async function find(o: PluginHost, call: Call): Promise<string> {
  for (const folder of o.path) {
    const file = join(folder, call.plugin)
    if (await exists(file)) return file
  }
  throw failure(call, { msg: `there is no such plugin in ${o.path.join(':')}` })
}

function failure(call: Call, said: { code?: number; msg?: string; details?: string }, cause?: unknown): CniError {
  const { code = 999, msg = 'failed without a word', details } = said
  return new CniError({ command: call.command, plugin: call.plugin, code, msg, details }, cause)
}

/** A plugin that fails says why on its standard output; one that was killed or never ran says nothing. */
function translated(call: Call, error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error
  if (error.why === 'aborted') return error
  const said = error.why === 'exit' ? (parsed(error.stdout) as { code?: number; msg?: string } | undefined) : undefined
  return failure(call, said?.msg === undefined ? { msg: error.message } : said, error)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Plugins that crash leave words instead of JSON: the caller reports those.
    return undefined
  }
}

const isBusy = (error: unknown): boolean => {
  const cause = error instanceof CommandFailed ? error.cause : error
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ETXTBSY'
}

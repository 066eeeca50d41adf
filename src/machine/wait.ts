/** Waiting for the machine, and the words for what kept it from starting. */
import { open } from 'node:fs/promises'
import { stripVTControlCharacters } from 'node:util'
import { VulcanError } from '../api/errors.ts'
import { isMissing } from '../base/files.ts'
import { deadline, DeadlineExceeded } from '../base/time.ts'
import type { KeeperClient, KeeperStatus, ServerExit } from './keeper.ts'
import type { Places } from './places.ts'

export interface Wait {
  /** `up`: the machine answers; `ready`: its server listens; `restarted`: its server was told to start anew and listens. */
  readonly target: 'up' | 'ready' | 'restarted'
  readonly places: Places
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A server that something ended this often before it listened will not listen the next time. */
const hopelessExits = 3

/** Resolves when the target is reached; throws VulcanError `machine_failed` with the last lines of console or server. */
export async function waitFor(client: KeeperClient, wait: Wait): Promise<void> {
  try {
    await deadline('waiting for the machine', wait, (signal) => follow(client, wait, signal))
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error
    throw await failure(wait.places, error.message, error)
  }
}

async function follow(client: KeeperClient, wait: Wait, signal: AbortSignal): Promise<void> {
  let exits = 0
  let last: KeeperStatus | undefined
  // A server that listens is the old one until the machine has said that it ended.
  let fresh = wait.target !== 'restarted'
  if (!fresh) client.order('restart_server')
  for await (const event of client.events(signal)) {
    if (event.event === 'status') {
      last = event
      if (fresh && (event.state === 'ready' || event.state === wait.target)) return
      if (event.state === 'failed' || event.state === 'stopped') break
      // There was no server that could have ended.
      if (event.state !== 'ready') fresh = true
    } else if (event.event === 'server_exit') {
      fresh = true
      if (event.asked || wait.target === 'up') continue
      exits += 1
      if (hasSaidWhy(event) || exits === hopelessExits) throw serverFailure(event)
    }
  }
  throw await failure(wait.places, last?.last_failure || 'it ended')
}

/** One that exits by itself has told its reason, which another start in the machine would only repeat. */
function hasSaidWhy({ code }: ServerExit): boolean {
  return typeof code === 'number' && code !== 0
}

function serverFailure(exit: ServerExit): VulcanError {
  const how = exit.error ?? `it ended with ${exit.signal ?? exit.code}`
  return new VulcanError('machine_failed', `the server in the machine does not stay up: ${how}`, {
    step: 'server',
    hint: exit.lines.length === 0 ? 'it said nothing' : `its last lines:\n${exit.lines.join('\n')}`,
  })
}

/** The error of a machine that did not start, with the last lines of its console. */
export async function failure(places: Places, why: string, cause?: unknown): Promise<VulcanError> {
  return new VulcanError('machine_failed', `starting the machine: ${why}`, {
    step: 'boot',
    hint: `the last lines of ${places.consoleLog}:\n${await lastLines(places.consoleLog)}`,
    cause,
  })
}

const tailBytes = 4096
const tailLines = 20

/** The end of a console log without the codes for a terminal; empty when there is no log. */
async function lastLines(path: string): Promise<string> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.min(size, tailBytes))
    await file.read(buffer, 0, buffer.length, size - buffer.length)
    const text = stripVTControlCharacters(buffer.toString('utf8')).replaceAll('\r', '')
    return text.split('\n').filter(Boolean).slice(-tailLines).join('\n')
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}

/** The guest says that it is ready, by a connection of its own; nobody asks it again and again. */
import type { Socket } from 'node:net'
import { VulcanError } from '../api/errors.ts'
import { Decoder, ProtocolError } from '../base/frames.ts'
import type { Scope } from '../base/scope.ts'
import { protocolVersion } from './agent.ts'
import { readyPort } from './names.ts'
import { listenOnce } from './vsock.ts'

export interface Ready {
  /** Microseconds of the guest's uptime when it was ready. */
  readonly uptimeUs: number
  /** Microseconds of each phase of its init. */
  readonly phasesUs: Readonly<Record<string, number>>
}

/** Most bytes of a ready message; a guest that sends more is not ours. */
const longestMessage = 64 << 10

/** Listens before the vm is started; `said` settles when the guest has spoken. */
export async function waitForReady(
  scope: Scope,
  where: { vsock: string; uid: number; gid: number },
): Promise<{ said: Promise<Ready> }> {
  const { promise, resolve, reject } = Promise.withResolvers<Ready>()
  promise.catch(() => undefined)
  await listenOnce(scope, { ...where, port: readyPort }, (socket) => void firstMessage(socket).then(resolve, reject))
  return { said: promise }
}

async function firstMessage(socket: Socket): Promise<Ready> {
  const decoder = new Decoder()
  let received = 0
  for await (const chunk of socket) {
    received += (chunk as Buffer).length
    if (received > longestMessage) throw new ProtocolError('a ready message without an end')
    const [frame] = decoder.push(chunk as Buffer)
    if (!frame) continue
    if (frame.type !== 'control') throw new ProtocolError(`ready was due, not ${frame.type}`)
    return readyOf(frame.message)
  }
  throw new ProtocolError('the guest closed the connection before it said ready')
}

function readyOf(message: Readonly<Record<string, unknown>>): Ready {
  if (message['op'] === 'failed') {
    const step = String(message['step'])
    throw new VulcanError('vm_start_failed', `the guest's init failed at ${step}: ${String(message['error'])}`, {
      step,
    })
  }
  if (message['op'] !== 'ready' || message['proto'] !== protocolVersion) {
    throw new ProtocolError(`ready of version ${protocolVersion} was due, not ${JSON.stringify(message).slice(0, 200)}`)
  }
  return { uptimeUs: Number(message['uptime_us']), phasesUs: (message['phases_us'] ?? {}) as Record<string, number> }
}

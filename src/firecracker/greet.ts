/** The first words to a fresh guest: its clock, entropy, name and network; and one ping, for the round trip. */
import { randomBytes } from 'node:crypto'
import type { Scope } from '../base/scope.ts'
import { deadline, DeadlineExceeded } from '../base/time.ts'
import { type Session, SessionLost } from './agent.ts'
import type { GuestNetwork } from './network/guestnetwork.ts'
import { type FreshVm, openSession } from './vm.ts'

/** Bytes of host entropy fed to the guest's random pool. */
const entropyBytes = 64

/** Gives the guest its clock (milliseconds of the epoch), entropy, name and network. */
export async function configure(
  session: Session,
  o: { nowMs: number; network: Pick<GuestNetwork, 'nic'>; signal: AbortSignal },
): Promise<void> {
  const { nic } = o.network
  await session.request(
    {
      op: 'configure',
      hostname: 'vulcan',
      time_unix_ns: String(BigInt(o.nowMs) * 1_000_000n),
      entropy: randomBytes(entropyBytes).toString('base64'),
      network: nic
        ? { mac: nic.mac, address: nic.address, gateway: nic.gateway, mtu: nic.mtu, nameservers: nic.nameservers }
        : null,
    },
    o.signal,
  )
}

/** Configures the guest; returns the round trip of a ping, in microseconds. */
async function greet(session: Session, { network }: FreshVm, signal: AbortSignal): Promise<number> {
  await configure(session, { nowMs: Date.now(), network, signal })
  const begun = performance.now()
  await session.request({ op: 'ping' }, signal)
  return Math.round((performance.now() - begun) * 1000)
}

/** Of one greeting, in milliseconds; a second is usual under emulation. */
const greetMs = 20_000
/** Tries; more than two lost connections in a row are not the reset of a restored vsock. */
const greetings = 3

export interface Greeted {
  readonly session: Session
  /** Round trip of a ping, in microseconds. */
  readonly rttUs: number
}

/**
 * Greets a guest, whose session then closes with the scope. A guest that goes on from a snapshot resets its connections
 * when it hears of that, which may be after the first was made; everything it is told in a greeting can be told again.
 */
export async function greetSurely(scope: Scope, vm: FreshVm, signal: AbortSignal): Promise<Greeted> {
  for (let tries = 1; ; tries += 1) {
    const session = (tries === 1 && vm.session) || (await openSession(vm, signal))
    scope.defer('close the session', () => session.close())
    try {
      const limit = { timeoutMs: greetMs, signal }
      const rttUs = await deadline('the greeting', limit, (inner) => greet(session, vm, inner))
      return { session, rttUs }
    } catch (error) {
      session.close()
      const passing = error instanceof SessionLost || error instanceof DeadlineExceeded
      if (!passing || tries === greetings || signal.aborted) throw error
    }
  }
}

/** For a guest that was ready to answer, in milliseconds; one is usual, a hundred under emulation. */
const answerMs = 10_000

/** What a vm that was ready has to answer soon. */
export function answering<T>(signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return deadline('the answer of a vm that was ready', { timeoutMs: answerMs, signal }, ask)
}

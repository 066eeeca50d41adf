/**
 * The name server of guests with a list: it listens at the bridge's gateway address and knows each guest by the address that
 * it asks from, which the firewall does not let it choose. It answers names of that guest's list alone, and opens what it
 * answers before it does. What it keeps of a guest is bounded; how much one may ask, the firewall sees to.
 */
import type { RemoteInfo, Socket as Datagrams } from 'node:dgram'
import type { Server, Socket } from 'node:net'
import { denialRules, type DenialRule } from '../../api/denial.ts'
import type { Denial, Denials } from '../../backend/denial.ts'
import { abortable, deadline } from '../../base/time.ts'
import { type Cidr, refusalOf } from './addresses.ts'
import { answerTo, faultAnswer, mostQueryBytes, readQuery } from './dnsquery.ts'
import { GuestNames } from './guestnames.ts'
import type { Host } from './host.ts'
import type { Opened } from './opened.ts'

export interface NameServerOptions {
  readonly host: Host
  /** Name servers that are asked; the host's own when empty. */
  readonly servers: readonly string[]
  /** Of the guests, none of which leads to another. */
  readonly subnet: Cidr
  /** Opens addresses for the guest with that address. */
  readonly open: (guest: string, found: readonly Opened[]) => Promise<void>
  /** Keeps what a vm was refused, for the next server. */
  readonly keep: (vmId: string, denials: Denials) => Promise<void>
  /** The guest with that address was refused a name that it was not before. */
  readonly onDenied: (guest: string, denial: Denial) => void
  /** Told why an address cannot be opened, or what was refused not be kept, once until one can. */
  readonly onTrouble: (error: unknown) => void
  /** Seconds that an address stays open after its name's time; half a minute by default. */
  readonly graceS?: number
}

/** Where the firewall sends the questions of guests. */
export interface Ports {
  readonly udp: number
  readonly tcp: number
}

/** A vm whose network has a list. */
export interface ListedGuest {
  readonly vmId: string
  readonly address: string
  readonly names: readonly string[]
  readonly denials?: Denials | undefined
}

/** For the host's name servers to answer, in milliseconds. */
const lookupMs = 10_000
/** From a refusal until it is kept, in milliseconds: what is asked for together is kept together. */
const keepMs = 500
/** Connections of a guest at once, and questions of one; it may begin the next. */
const most = { connections: 8, questions: 32 } as const
const idleMs = 10_000

interface Known {
  readonly vmId: string
  readonly names: GuestNames
  readonly connections: Set<Socket>
  keeping: NodeJS.Timeout | undefined
  kept: Promise<void>
}

export class NameServer {
  readonly #o: NameServerOptions
  readonly #guests = new Map<string, Known>()
  readonly #counts = new Map<DenialRule, number>()
  #inTrouble = false
  #sockets: { udp: Datagrams; tcp: Server } | undefined

  constructor(options: NameServerOptions) {
    this.#o = options
  }

  /** Listens, on ports that are free: a host may have a name server of its own on all of its addresses. */
  async listen(address: string): Promise<Ports> {
    const { udp, tcp } = (this.#sockets ??= await this.#listenAt(address))
    return { udp: udp.address().port, tcp: (tcp.address() as { port: number }).port }
  }

  /** Answers a guest from now on. */
  admit({ vmId, address, names, denials }: ListedGuest): void {
    const { host, servers, subnet, graceS = 30 } = this.#o
    const resolve = (name: string) =>
      deadline(`the addresses of ${name}`, { timeoutMs: lookupMs }, (signal) =>
        abortable(host.resolve(name, servers), signal),
      )
    const known: Known = {
      vmId,
      connections: new Set(),
      keeping: undefined,
      kept: Promise.resolve(),
      names: new GuestNames({
        ...{ names, denials, resolve, graceS },
        refusalOf: (found) => refusalOf(found, { subnet, own: host.addresses() }),
        open: (found) => this.#open(address, found),
        onTrouble: (error) => this.#troubled(error),
        onDenied: (denial, isNew) => this.#onDenied(address, known, { denial, isNew }),
      }),
    }
    this.#guests.set(address, known)
  }

  /** Answers that vm no more; once this has resolved nothing is opened or kept for it. */
  async expel(vmId: string): Promise<void> {
    for (const [address, known] of this.#guests) {
      if (known.vmId !== vmId) continue
      this.#guests.delete(address)
      for (const socket of known.connections) socket.destroy()
      await known.names.close()
      clearTimeout(known.keeping)
      await known.kept
    }
  }

  /** What each guest was refused, by its address; with one, that guest alone. */
  denials(address?: string): ReadonlyMap<string, Denials> {
    const guests = [...this.#guests].filter(([each]) => address === undefined || each === address)
    return new Map(guests.map(([each, { names }]) => [each, names.denials]))
  }

  /** Questions that each rule has refused since the server listens. */
  counts(): Readonly<Record<DenialRule, number>> {
    return Object.fromEntries(denialRules.map((rule) => [rule, this.#counts.get(rule) ?? 0])) as Record<
      DenialRule,
      number
    >
  }

  /** Listens no more, and keeps what is not kept yet. */
  async close(): Promise<void> {
    const sockets = this.#sockets
    this.#sockets = undefined
    sockets?.udp.close()
    sockets?.tcp.close()
    for (const known of this.#guests.values()) {
      for (const socket of known.connections) socket.destroy()
      if (known.keeping) this.#keep(known)
      await known.kept
    }
  }

  async #open(address: string, found: readonly Opened[]): Promise<void> {
    await this.#o.open(address, found)
    this.#inTrouble = false
  }

  #troubled(error: unknown): void {
    if (!this.#inTrouble) this.#o.onTrouble(error)
    this.#inTrouble = true
  }

  async #listenAt(address: string): Promise<{ udp: Datagrams; tcp: Server }> {
    const { udp, tcp } = await this.#o.host.listen(address)
    udp.on('message', (message, from) => void this.#onDatagram(udp, message, from))
    udp.on('error', (error) => this.#troubled(error))
    tcp.on('connection', (socket) => this.#onConnection(socket))
    tcp.on('error', (error) => this.#troubled(error))
    return { udp, tcp }
  }

  #onDenied(address: string, known: Known, { denial, isNew }: { denial: Denial; isNew: boolean }): void {
    this.#counts.set(denial.rule, (this.#counts.get(denial.rule) ?? 0) + 1)
    known.keeping ??= setTimeout(() => this.#keep(known), keepMs).unref()
    if (isNew) this.#o.onDenied(address, denial)
  }

  #keep(known: Known): void {
    clearTimeout(known.keeping)
    known.keeping = undefined
    known.kept = known.kept
      .then(() => this.#o.keep(known.vmId, known.names.denials))
      .catch((error: unknown) => this.#troubled(error))
  }

  async #onDatagram(socket: Datagrams, message: Buffer, { address, port }: RemoteInfo): Promise<void> {
    const answer = await this.#answer(address, message)
    // What cannot be sent is lost, as datagrams are; the guest asks again.
    if (answer && this.#sockets) socket.send(answer, port, address, () => undefined)
  }

  #onConnection(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const known = this.#guests.get(address)
    socket.on('error', () => undefined)
    if (!known || known.connections.size >= most.connections) {
      socket.destroy()
      return
    }
    known.connections.add(socket)
    socket.setTimeout(idleMs, () => socket.destroy())
    socket.once('close', () => known.connections.delete(socket))
    void this.#converse(socket, address)
  }

  /** Two bytes of length before each message. One question after another: a guest that does not read is not answered on. */
  async #converse(socket: Socket, address: string): Promise<void> {
    let waiting: Buffer = Buffer.alloc(0)
    let questions = 0
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        waiting = Buffer.concat([waiting, chunk])
        while (waiting.length >= 2) {
          const length = waiting.readUInt16BE(0)
          if (length > mostQueryBytes || questions === most.questions) return
          if (waiting.length < 2 + length) break
          const answer = await this.#answer(address, waiting.subarray(2, 2 + length), 0xffff)
          waiting = waiting.subarray(2 + length)
          questions += 1
          if (!answer) return
          const head = Buffer.alloc(2)
          head.writeUInt16BE(answer.length)
          await new Promise((resolve) => socket.write(Buffer.concat([head, answer]), resolve))
        }
      }
    } catch {
      // The guest has gone, or was silent for too long.
    } finally {
      socket.destroySoon()
    }
  }

  /** Undefined where there is nothing to say: to what is no query, and to who is no guest of ours. */
  async #answer(address: string, message: Buffer, most?: number): Promise<Buffer | undefined> {
    const known = this.#guests.get(address)
    if (!known) return undefined
    const query = readQuery(message)
    if (!query || 'rcode' in query) return query && faultAnswer(query)
    return answerTo(query, await known.names.answer(query.question), most)
  }
}

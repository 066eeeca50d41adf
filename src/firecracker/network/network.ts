/** Networks for vms: one bridge and one firewall for an instance; for each vm a namespace, a tap and its rules. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DenialRule } from '../../api/denial.ts'
import { VulcanError } from '../../api/errors.ts'
import type { Firewall } from '../../api/firewall.ts'
import type { NetworkSpec } from '../../backend/backend.ts'
import { Facts } from '../../base/facts.ts'
import { exists, removeHalfWritten } from '../../base/files.ts'
import type { Scope } from '../../base/scope.ts'
import { isOurs } from '../names.ts'
import { type Cidr, firstAddress, networkOf } from './addresses.ts'
import { nameserversFor, ruleOf } from './allow.ts'
import { bridgeOf, makeBridge, refuseOverlap, removeBridge, setKernel } from './bridge.ts'
import { CniRuntime } from './cni.ts'
import { attachedOf, conflistOf } from './conf.ts'
import { Egress, type NetworkFacts } from './egress.ts'
import type { Host } from './host.ts'
import { createNetns, deleteNetns, hasNetns, listNetns, netnsPath } from './netns.ts'
import type { GuestNetwork } from './guestnetwork.ts'
import type { AttachOptions, NetworksOptions } from './options.ts'
import type { Attachment } from './plugin.ts'
import { step } from './step.ts'
import { fileThing, freeLeases, leases, ports, type Thing } from './things.ts'
import type { RefusalBook } from './watch.ts'

/** Interface that bridge makes in the namespace, and tap joined to it: alone there, so always the same names. */
const ifName = 'eth0'
const tapName = 'tap0'

export class Networks {
  readonly facts = new Facts<NetworkFacts>()
  readonly #o: NetworksOptions
  readonly #host: Host
  readonly #bridge: { bridge: string; subnet: Cidr; gateway: string; mtu: number; host: Host }
  readonly #leases: string
  readonly #cni: CniRuntime
  readonly #egress: Egress

  constructor(options: NetworksOptions) {
    const { instance, stateDir, cniPlugins, tapPlugin, nameservers, connections, host } = options
    if (!/^[a-z0-9]{1,12}$/.test(instance)) throw new Error(`"${instance}" is no instance name: [a-z0-9]{1,12}`)
    const subnet = networkOf(options.subnet ?? '10.88.0.0/16')
    const bridge = { bridge: bridgeOf(instance), subnet, gateway: firstAddress(subnet), mtu: options.mtu ?? 1500, host }
    const name = `vulcan-${instance}`
    const leases = join(stateDir, 'leases')
    this.#o = options
    this.#host = host
    this.#bridge = bridge
    this.#leases = join(leases, name)
    this.#cni = new CniRuntime({
      list: conflistOf({ ...bridge, name, leases, tapPlugin }),
      path: [cniPlugins],
      cache: join(stateDir, 'cni'),
      timeoutMs: options.pluginTimeoutMs ?? 30_000,
      host,
    })
    this.#egress = new Egress({
      rules: {
        ...bridge,
        instance,
        resolvers: nameservers,
        ...(connections && { connections }),
        folder: join(stateDir, 'guests'),
      },
      servers: nameservers,
      ...(options.graceS !== undefined && { graceS: options.graceS }),
      lookMs: options.lookMs ?? 3000,
      facts: this.facts,
    })
  }

  /** Makes what all vms share: bridge, kernel settings, firewall. Once at start; living guests keep their rules. */
  async prepare(): Promise<void> {
    await mkdir(this.#o.stateDir, { recursive: true, mode: 0o700 })
    await removeHalfWritten(this.#o.stateDir)
    await step('bridge', async () => {
      await refuseOverlap(this.#bridge)
      await makeBridge(this.#bridge)
    })
    await step('kernel settings', () => setKernel(this.#bridge))
    await step('name server and firewall', () => this.#egress.install())
  }

  /** Gives a vm its network. What is made is undone by the scope, in reverse. Rejects with a VulcanError. */
  async attach(scope: Scope, o: AttachOptions): Promise<GuestNetwork> {
    const { vmId, signal, spec } = o
    // First, since it says what is wrong with a list.
    const nameservers = this.#nameservers(spec)
    const netns = netnsPath(vmId)
    scope.defer('delete the network namespace', () => deleteNetns(this.#host, vmId))
    await step('network namespace', () => createNetns(this.#host, vmId, signal), signal)
    if (spec.mode === 'none') return { netns }
    const nic = await this.#plug(scope, o)
    scope.defer('take the guest out of the firewall', () => this.#egress.expel(vmId))
    const firewall = await step('firewall', () => this.#egress.admit(vmId, ruleOf(nic, spec), signal), signal)
    const { mtu, bridge } = this.#bridge
    return { netns, nic: { ...nic, mtu, nameservers, bridge, peer: ifName }, firewall }
  }

  /** Narrows what a vm that nobody uses yet may reach to a list. Rejects with a VulcanError. */
  async narrow(
    { netns, nic }: GuestNetwork,
    o: Pick<AttachOptions, 'vmId' | 'spec' | 'signal'>,
  ): Promise<GuestNetwork> {
    const { vmId, spec, signal } = o
    if (!nic) throw new Error(`${vmId} has no interface that could be narrowed`)
    const firewall = await step('firewall', () => this.#egress.admit(vmId, ruleOf(nic, spec), signal), signal)
    return { netns, nic: { ...nic, nameservers: this.#nameservers(spec) }, firewall }
  }

  /**
   * Takes up the network of a vm that lives already, as attach left it, so that the scope undoes it. Rejects with a
   * VulcanError when something of it is not there.
   */
  async reattach(scope: Scope, { vmId, spec }: Pick<AttachOptions, 'vmId' | 'spec'>): Promise<void> {
    scope.defer('delete the network namespace', () => deleteNetns(this.#host, vmId))
    const missing = (await exists(netnsPath(vmId))) ? [] : ['namespace']
    if (spec.mode !== 'none') {
      // What the plugins were told at ADD is in the cached result.
      scope.defer('CNI DEL', () => this.#cni.del(attachmentOf(vmId, {})))
      scope.defer('take the guest out of the firewall', () => this.#egress.expel(vmId))
      if (!(await this.#cni.attachments(ifName)).includes(vmId)) missing.push('attachment')
      if (!(await this.#egress.rules.list()).includes(vmId)) missing.push('rule')
    }
    if (missing.length === 0) return
    throw new VulcanError('network_failed', `the network of ${vmId} is not whole: it has no ${missing.join(', no ')}`, {
      step: 'reattach',
    })
  }

  #nameservers = (spec: NetworkSpec): string[] =>
    nameserversFor(spec, { gateway: this.#bridge.gateway, all: this.#o.nameservers })

  async #plug(scope: Scope, o: AttachOptions) {
    const attachment = attachmentOf(o.vmId, {
      TC_REDIRECT_TAP_NAME: tapName,
      TC_REDIRECT_TAP_UID: String(o.uid),
      TC_REDIRECT_TAP_GID: String(o.gid),
    })
    const { bridge } = this.#bridge
    scope.defer('CNI DEL', () => this.#cni.del(attachment))
    return step(
      'CNI ADD',
      async () => attachedOf(await this.#cni.add(attachment, o.signal), { ...attachment, bridge }),
      o.signal,
    )
  }

  /** Asks every plugin whether the vm's network is as it was made; rejects with a VulcanError that says what is not. */
  async check(vmId: string, signal: AbortSignal): Promise<void> {
    await step('CNI CHECK', () => this.#cni.check(attachmentOf(vmId, {}), signal), signal)
  }

  /** Everything of vms of this instance that is on the host, whoever made it. */
  async things(): Promise<Thing[]> {
    const { instance } = this.#o
    const isMine = (vmId: string) => isOurs({ instance, home: '' }, vmId)
    const known = new Map([...(await this.#egress.rules.all())].map(([vmId, { port }]) => [port, vmId]))
    const why = `named as vms of the instance ${instance}`
    const files = [
      ...(await this.#cni.attachments(ifName))
        .filter(isMine)
        .map((vmId) => fileThing(this.#cni.fileOf(attachmentOf(vmId, {})), { kind: 'cni_attachment', why, vmId })),
      ...(await listNetns()).filter(isMine).map((vmId) => fileThing(netnsPath(vmId), { kind: 'netns', why, vmId })),
    ]
    const others = [leases(this.#leases, isMine), ports({ ...this.#bridge, known, isOurs: isMine })]
    return (await Promise.all([...files, this.#egress.rules.things(), ...others])).flat()
  }

  /** Whether anything of a vm is there, as far as its files and names tell. */
  async has(vmId: string): Promise<boolean> {
    const netns = await exists(netnsPath(vmId))
    return netns || (await this.#egress.rules.has(vmId)) || exists(this.#cni.fileOf(attachmentOf(vmId, {})))
  }

  /** Removes the network of a vm that nobody holds. Safe when there is none. */
  async remove(vmId: string): Promise<void> {
    await step('cleanup', async () => {
      await this.#egress.expel(vmId)
      // Plugins take a name without a namespace for an error, and no name for one that is gone.
      if (!(await hasNetns(vmId))) await deleteNetns(this.#host, vmId)
      await this.#cni.del(attachmentOf(vmId, {}))
      await freeLeases(this.#leases, vmId)
      await deleteNetns(this.#host, vmId)
    })
  }

  /** Takes away what prepare made, unless guests live on; IP forwarding stays as it is: others may count on it. */
  async close(): Promise<void> {
    await step('close', async () => {
      await this.#egress.close()
      const alive = [...(await this.#egress.rules.list()), ...(await this.#cni.attachments(ifName))]
      if (alive.length > 0) return
      await this.#egress.rules.remove()
      await removeBridge(this.#bridge)
    })
  }

  /** Packets of guests, and names they asked for, that each rule has refused since the firewall was installed. */
  async refused(): Promise<Readonly<Record<DenialRule, number>>> {
    return step('firewall', () => this.#egress.refused())
  }

  /** The firewall's rules for a vm that lives; undefined for one without an interface. */
  firewallOf(vmId: string): Promise<Firewall | undefined> {
    return this.#egress.rules.firewallOf(vmId)
  }

  /**
   * What a vm with an interface is refused, from now until the scope is closed; undefined for one without. `isNew`: it was
   * refused nothing yet.
   */
  watch(scope: Scope, vmId: string, o: { isNew?: boolean } = {}): Promise<RefusalBook | undefined> {
    return this.#egress.watch(scope, vmId, o)
  }
}

const attachmentOf = (vmId: string, args: Record<string, string>): Attachment => ({
  containerId: vmId,
  netns: netnsPath(vmId),
  ifName,
  args,
})

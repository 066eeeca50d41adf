/** For tests: the vms of one instance in a lab. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import type { NetworkSpec } from '../../backend/backend.ts'
import { run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import { becomeGuest, buildLab, internet, type Lab, lacking } from './lab.ts'
import type { GuestNetwork } from './guestnetwork.ts'
import { Networks } from './network.ts'
import type { NetworksOptions } from './options.ts'

export const gateway = '10.88.0.1'

/** What a host has of ours when nothing runs. */
export const nothing = { ports: 0, files: [], netns: [], elements: [] }

/** Why the tests cannot run here, unless they must. */
const because = process.env['VULCAN_REQUIRE_VM'] === '1' ? undefined : await lacking()

/** Tests on a floor of their own, which `take` is handed before the first. Skipped, with the reason, where there can be none. */
export function onFloor(name: string, take: (floor: Floor) => void, tests: () => void): void {
  const lack = because === undefined ? '' : ` (skipped: this host lacks ${because})`
  describe.skipIf(because !== undefined)(`${name}${lack}`, () => {
    let floor: Floor | undefined
    beforeAll(async () => {
      floor = await Floor.build()
      take(floor)
    }, 240_000)
    afterAll(() => floor?.[Symbol.asyncDispose](), 60_000)
    tests()
  })
}

export class Floor implements AsyncDisposable {
  readonly lab: Lab
  readonly networks: Networks
  readonly stateDir: string
  readonly #scope: Scope

  private constructor(lab: Lab, o: { stateDir: string; scope: Scope }) {
    this.lab = lab
    this.#scope = o.scope
    this.stateDir = o.stateDir
    this.networks = this.open()
  }

  /** Builds a lab with an instance that is ready for vms. Throws with the reason when this host cannot. */
  static async build(): Promise<Floor> {
    const missing = await lacking()
    if (missing !== undefined) throw new Error(`this host lacks ${missing}`)
    const scope = new Scope('floor')
    const stateDir = await mkdtemp(join(tmpdir(), 'vulcan-network-'))
    scope.defer('remove the state', () => rm(stateDir, { recursive: true }))
    const floor = new Floor(await buildLab(scope), { stateDir, scope })
    await floor.networks.prepare()
    return floor
  }

  /** Networks of this instance, as a server has them that was started anew. */
  open(options: Partial<NetworksOptions> = {}): Networks {
    return new Networks({
      instance: this.lab.instance,
      cniPlugins: this.lab.cniPlugins,
      tapPlugin: 'vulcan-tap',
      stateDir: this.stateDir,
      nameservers: [internet.resolver],
      host: this.lab.host,
      ...options,
    })
  }

  /** Id of the nth vm. */
  id(n: number): string {
    return `${this.lab.instance}-${n.toString(16).padStart(12, '0')}`
  }

  attach(scope: Scope, n: number, o: Partial<NetworkSpec> & { networks?: Networks } = {}): Promise<GuestNetwork> {
    const { networks = this.networks, mode = 'internet', allow = [] } = o
    const signal = AbortSignal.timeout(60_000)
    return networks.attach(scope, { vmId: this.id(n), uid: 1234, gid: 5678, spec: { mode, allow }, signal })
  }

  /** Attaches a vm whose namespace then plays the guest; `own` is the guest's address without prefix. */
  async guest(
    scope: Scope,
    n: number,
    spec: Partial<NetworkSpec> & { networks?: Networks } = {},
  ): Promise<GuestNetwork & { own: string }> {
    const network = await this.attach(scope, n, spec)
    await becomeGuest(this.id(n), gateway)
    return { ...network, own: network.nic?.address.replace('/16', '') ?? '' }
  }

  /** Runs a program of Node's in the namespace that plays the nth vm's guest; gives back what it says. */
  async inGuest(n: number, code: string, ...words: readonly string[]): Promise<string> {
    const argv = ['nsenter', `--net=/var/run/netns/${this.id(n)}`, process.execPath, '-e', code, ...words] as const
    return (await run(argv)).stdout
  }

  async onHost(...argv: [string, ...string[]]): Promise<string> {
    return (await this.lab.host.run(argv, {})).stdout
  }

  /** What of vms is on the host and is none of those, by kind; removed as a server does it. */
  async sweep(networks: Networks, keep: ReadonlySet<string> = new Set()): Promise<Record<string, number>> {
    const things = (await networks.things()).filter(({ vmId }) => vmId === undefined || !keep.has(vmId))
    for (const vmId of new Set(things.flatMap(({ vmId }) => vmId ?? []))) await networks.remove(vmId)
    for (const { remove } of things) await remove?.()
    return Object.fromEntries(
      Map.groupBy(things, ({ kind }) => kind)
        .entries()
        .map(([kind, some]) => [kind, some.length]),
    )
  }

  /** What is left of vms: ports of the bridge, files, namespaces, elements of the firewall. */
  async residue(): Promise<typeof nothing | object> {
    const { instance } = this.lab
    const ports = JSON.parse(await this.onHost('ip', '-j', 'link', 'show', 'master', `vul${instance}`)) as unknown[]
    const folders = ['cni/results', 'guests', `leases/vulcan-${instance}`]
    const files = await Promise.all(folders.map((folder) => readdir(join(this.stateDir, folder))))
    return {
      ports: ports.length,
      files: files.flat().filter((file) => !['lock', 'last_reserved_ip.0'].includes(file)),
      netns: (await readdir('/var/run/netns')).filter((name) => name.startsWith(`${instance}-`)),
      elements:
        (await this.onHost('nft', 'list', 'ruleset')).match(
          /goto (host|internet|listed)|"veth|(denied|book|opened|names)_10/g,
        ) ?? [],
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.close()
  }
}

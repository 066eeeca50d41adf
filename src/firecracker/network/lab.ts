/** For tests: a host and an internet made of network namespaces, and programs that try to get somewhere from one. */
import { spawn } from 'node:child_process'
import type { Socket as Datagrams } from 'node:dgram'
import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { builtSpawner, buildProgram } from '../../base/builtprogram.ts'
import { CommandFailed, run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import type { Resolved } from './guestnames.ts'
import { commandPath, type Host } from './host.ts'
import { installScript } from './rules.ts'

/** Addresses that answer in the lab's internet; all but the first two are in ranges that no guest may reach. */
export const internet = {
  first: '198.51.100.2',
  second: '203.0.113.9',
  resolver: '10.9.0.53',
  private: '10.9.9.9',
  home: '192.168.7.7',
  shared: '100.64.0.9',
  metadata: '169.254.169.254',
} as const

/** The host's address on the side of the internet. */
export const uplink = '198.51.100.1'

export interface Lab {
  readonly instance: string
  /** Namespace that plays the host. */
  readonly hostName: string
  /** What the host's name servers know. */
  readonly names: Map<string, Resolved[]>
  /** Every command the host ran, first word or two. */
  readonly commands: string[]
  readonly host: Host
  readonly cniPlugins: string
}

/** Builds the lab; the scope takes it down. The real host's own network is not touched. */
export async function buildLab(scope: Scope): Promise<Lab> {
  const instance = `t${randomBytes(4).toString('hex')}`
  const [hostName, netName] = [`lab-${instance}-host`, `lab-${instance}-inet`]
  const cniPlugins = await buildPlugins()
  const path = `${dirname(await builtSpawner())}:${commandPath}`
  for (const name of [hostName, netName]) {
    scope.defer(`delete ${name}`, async () => void (await ip(['netns', 'delete', name], [0, 1])))
    await ip(['netns', 'add', name])
  }
  await ip(['-n', hostName, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up0', 'netns', netName])
  await batch(hostName, [
    'link set lo up',
    'link set up0 up',
    `addr add ${uplink}/24 dev up0`,
    `route add default via ${internet.first}`,
  ])
  const others = Object.values(internet).filter((address) => address !== internet.first)
  const loopbacks = others.map((address) => `addr add ${address}/32 dev lo`)
  await batch(netName, ['link set lo up', 'link set up0 up', `addr add ${internet.first}/24 dev up0`, ...loopbacks])
  await serve(scope, netName)
  await serve(scope, hostName)
  const commands: string[] = []
  const names = new Map<string, Resolved[]>()
  return { instance, hostName, names, commands, host: hostIn(hostName, { names, commands, path }), cniPlugins }
}

/** `path`: where commands are found. */
function hostIn(netns: string, { names, commands, path }: Pick<Lab, 'names' | 'commands'> & { path: string }): Host {
  return {
    run(argv, options = {}) {
      commands.push(argv.slice(0, 2).join(' ').replace(/^.*\//, ''))
      const env = { PATH: path, ...options.env }
      return run(['nsenter', `--net=/var/run/netns/${netns}`, ...argv], { ...options, env })
    },
    async sysctl(path, value) {
      await run(['nsenter', `--net=/var/run/netns/${netns}`, 'tee', join('/proc/sys', path)], { input: value })
    },
    resolve: (name) => {
      const found = names.get(name)
      return found
        ? Promise.resolve(found)
        : Promise.reject(Object.assign(new Error(`${name} is not known`), { code: 'ENOTFOUND' }))
    },
    addresses: () => [uplink],
    listen: (address) => listenIn(netns, address),
  }
}

/** A process in the namespace listens there, hands over its sockets, and ends. */
async function listenIn(netns: string, address: string): Promise<{ udp: Datagrams; tcp: Server }> {
  const child = spawn('nsenter', [`--net=/var/run/netns/${netns}`, process.execPath, '-e', listener, address], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const handles = new Map<unknown, unknown>()
  const both = new Promise<void>((resolve, reject) => {
    child.on('message', (kind, handle) => {
      handles.set(kind, handle)
      if (handles.size === 2) resolve()
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`nothing listens at ${address} in ${netns}`)))
  })
  await both
  child.disconnect()
  return { udp: (handles.get('udp') as Datagrams).unref(), tcp: (handles.get('tcp') as Server).unref() }
}

const listener = `
const tcp = require('node:net').createServer(), udp = require('node:dgram').createSocket('udp4')
const [address] = process.argv.slice(1)
tcp.listen(0, address, () => udp.bind(0, address, () => {
  process.send('tcp', tcp)
  process.send('udp', udp)
}))
process.once('disconnect', () => process.exit())
`

export const ip = (argv: readonly string[], okCodes: readonly number[] = [0]) => run(['ip', ...argv], { okCodes })

/** Runs lines of iproute2 in a namespace. */
export const batch = (netns: string, lines: readonly string[]) =>
  run(['ip', '-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n` })

/** Answers on every address of the namespace, TCP 80 and 53 and UDP 53, with the address it was asked from; TCP 7 is echo. */
export async function serve(scope: Scope, netns: string): Promise<void> {
  const child = spawn('nsenter', [`--net=/var/run/netns/${netns}`, process.execPath, '-e', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  scope.defer(`stop the server in ${netns}`, () => {
    child.kill('SIGKILL')
    return gone
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the server in ${netns} ended`)))
  })
}

const server = `
const net = require('node:net'), dgram = require('node:dgram'), os = require('node:os')
const peer = (address) => address.replace('::ffff:', '')
const tcp = (port) => new Promise((ok) => net.createServer((s) => s.on('error', () => {}).end(peer(s.remoteAddress))).listen(port, '::', ok))
// One socket for each address: an answer comes from the address that was asked.
const udp = (address) => new Promise((ok) => {
  const socket = dgram.createSocket('udp4')
  socket.on('message', (_, from) => socket.send(from.address, from.port, from.address)).bind(53, address, ok)
})
const addresses = Object.values(os.networkInterfaces()).flat().filter((a) => a.family === 'IPv4').map((a) => a.address)
const echo = new Promise((ok) => net.createServer((s) => s.on('error', () => {}).pipe(s)).listen(7, '::', ok))
Promise.all([tcp(80), tcp(53), echo, ...addresses.map(udp)]).then(() => console.log('ready'))
`

/** Milliseconds within which a refusal counts as given at once: a lost packet is only sent again after a second. */
const atOnceMs = 900

/**
 * Tries `tcp_ADDRESS_PORT` or `udp_ADDRESS_PORT` from a namespace, all at once. The outcome of each: `from ADDRESS` (the
 * server answered, and saw this address), `refused` (at once), `refused late` or `silent`.
 */
export async function attempt(netns: string, targets: readonly string[]): Promise<Record<string, string>> {
  const argv = ['nsenter', `--net=/var/run/netns/${netns}`, process.execPath, '-e', client, ...targets] as const
  const { stdout } = await run(argv, { timeoutMs: 30_000 })
  const answers = Object.entries(JSON.parse(stdout) as Record<string, { outcome: string; ms: number }>)
  const worded = answers.map(([target, { outcome, ms }]) => {
    if (!/^E[A-Z]+$/.test(outcome)) return [target, outcome]
    return [target, ms < atOnceMs ? 'refused' : 'refused late']
  })
  return Object.fromEntries(worded) as Record<string, string>
}

const client = `
const net = require('node:net'), dgram = require('node:dgram')
const one = (target) => new Promise((done) => {
  const at = performance.now()
  const [kind, host, port] = target.split('_')
  let socket
  const end = (outcome) => { clearTimeout(timer); kind === 'tcp' ? socket.destroy() : socket.close(); done([target, { outcome, ms: performance.now() - at }]) }
  const timer = setTimeout(() => end('silent'), 1500)
  if (kind === 'tcp') {
    socket = net.connect({ host, port: Number(port) }).on('data', (d) => end('from ' + d)).on('error', (e) => end(e.code))
  } else {
    socket = dgram.createSocket('udp4').on('message', (d) => end('from ' + d)).on('error', (e) => end(e.code))
    socket.connect(Number(port), host, () => socket.send('x'))
  }
})
Promise.all(process.argv.slice(1).map(one)).then((all) => console.log(JSON.stringify(Object.fromEntries(all))))
`

/** Lets the vm's namespace itself play the guest: what came for the tap now comes for the interface that has its address. */
export async function becomeGuest(vmId: string, gateway: string): Promise<void> {
  await run(['ip', 'netns', 'exec', vmId, 'tc', 'qdisc', 'delete', 'dev', 'eth0', 'ingress'])
  await batch(vmId, [`route add default via ${gateway}`])
}

/** Builds the plugins, as set-up does; needs Go. */
async function buildPlugins(): Promise<string> {
  const folder = join(tmpdir(), 'vulcan-lab-cni')
  const plugins = ['main/bridge', 'ipam/host-local'].map(
    (path) => `github.com/containernetworking/plugins/plugins/${path}`,
  )
  for (const path of plugins) await buildProgram(path, join(folder, basename(path)))
  await buildProgram('./tap', join(folder, 'vulcan-tap'))
  return folder
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** What this host lacks for the lab, if anything. */
export async function lacking(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'root'
  for (const command of ['ip', 'nft', 'tc', 'nsenter', 'go']) {
    const found = await Promise.all(
      [...commandPath.split(':'), ...(process.env['PATH'] ?? '').split(':')].map((folder) =>
        isThere(join(folder, command)),
      ),
    )
    if (!found.includes(true)) return `the command ${command}`
  }
  if (!(await isThere('/dev/net/tun'))) return '/dev/net/tun'
  const rules = installScript(
    { instance: 'x', bridge: 'x', subnet: '10.0.0.0/8', gateway: '10.0.0.1', resolvers: [], ports: { udp: 1, tcp: 2 } },
    [],
  )
  const links = 'link add name a type veth peer name b\nlink add name c type bridge\nlink set dev b master c\n'
  try {
    await run(['unshare', '--net', 'nft', '-f', '-'], { input: rules })
    await run(['unshare', '--net', 'ip', '-batch', '-'], { input: links })
  } catch (error) {
    if (error instanceof CommandFailed) return `something of the kernel's: ${error.message}`
    throw error
  }
  return undefined
}

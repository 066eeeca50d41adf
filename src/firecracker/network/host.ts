/** What the network needs of the host: a port, so that tests can put a network namespace in the host's place. */
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { run, type RunCommand } from '../../base/process.ts'

export interface Host {
  /** Runs a command in the host's network namespace. Rejects with CommandFailed. */
  readonly run: RunCommand
  /** Sets a kernel setting, such as `net/ipv4/ip_forward`. One that this kernel does not have is an ENOENT. */
  sysctl(path: string, value: string): Promise<void>
  /**
   * IPv4 addresses of a host name, with how many seconds they hold, from those name servers, or the host's own where there are
   * none. Rejects with the resolver's error (ENOTFOUND and so on).
   */
  resolve(name: string, servers: readonly string[]): Promise<{ address: string; ttl: number }[]>
  /** IPv4 addresses of the host's own interfaces. */
  addresses(): string[]
  /** Sockets that listen at an address of the host's, on ports that were free; they keep no process alive. */
  listen(address: string): Promise<{ udp: Datagrams; tcp: Server }>
}

/** Where ip, nft and what plugins call are found: a service's own PATH may lack the sbin folders. */
export const commandPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** This host, with commands run by that. */
export const hostBy = (run: RunCommand): Host => ({ ...thisHost, run: withPath(run) })

const withPath =
  (run: RunCommand): RunCommand =>
  (argv, options = {}) =>
    run(argv, { ...options, env: { PATH: commandPath, ...options.env } })

export const thisHost: Host = {
  run: withPath(run),
  async sysctl(path, value) {
    const file = join('/proc/sys', path)
    // Read first: in a container /proc/sys is read-only, and that is fine where the value is right already.
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value)
  },
  async resolve(name, servers) {
    const resolver = new Resolver({ timeout: 2000, tries: 2 })
    if (servers.length > 0) resolver.setServers(servers)
    return resolver.resolve4(name, { ttl: true })
  },
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((all = []) =>
      all.filter(({ family }) => family === 'IPv4').map(({ address }) => address),
    ),
  async listen(address) {
    const udp = createSocket('udp4').unref()
    const tcp = createServer().unref()
    try {
      await Promise.all([once(udp.bind(0, address), 'listening'), once(tcp.listen(0, address), 'listening')])
      return { udp, tcp }
    } catch (error) {
      udp.close()
      tcp.close()
      throw error
    }
  },
}

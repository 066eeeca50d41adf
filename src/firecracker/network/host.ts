/** What the network needs of the host: a port, so that tests can put a network namespace in the host's place. */
import { lookup } from 'node:dns/promises'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandOptions, type CommandResult, run } from '../../base/process.ts'

export interface Host {
  /** Runs a command in the host's network namespace. Rejects with CommandFailed. */
  run(argv: readonly [string, ...string[]], options: CommandOptions): Promise<CommandResult>
  /** Sets a kernel setting, such as `net/ipv4/ip_forward`. One that this kernel does not have is an ENOENT. */
  sysctl(path: string, value: string): Promise<void>
  /** IPv4 addresses of a host name. Rejects with the resolver's error (ENOTFOUND and so on). */
  resolve(name: string): Promise<string[]>
}

/** Where ip, nft and what plugins call are found: a service's own PATH may lack the sbin folders. */
export const commandPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export const thisHost: Host = {
  run: (argv, options) => run(argv, { ...options, env: { PATH: commandPath, ...options.env } }),
  async sysctl(path, value) {
    const file = join('/proc/sys', path)
    // Read first: in a container /proc/sys is read-only, and that is fine where the value is right already.
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value)
  },
  async resolve(name) {
    return (await lookup(name, { all: true, family: 4 })).map((found) => found.address)
  },
}

/** Where the machine keeps its files on the host: pure functions of $VULCAN_HOME. */
import { join } from 'node:path'
import { sha256 } from '../base/files.ts'

/** How many programs can run in the machine at once for people; each has a port of its own. */
export const execPorts = 4

/** A unix socket's path has room for 107 bytes. */
const longestSocketPath = 107

export interface Places {
  readonly dir: string
  /** What the keeper is told. */
  readonly spec: string
  readonly keeperLog: string
  readonly consoleLog: string
  readonly dataDisk: string
  /** Shared with the machine at /run/vulcan/config; server.json is in it. */
  readonly config: string
  readonly serverConfig: string
  readonly sockets: string
  readonly control: string
  readonly exec: readonly string[]
}

/** All places of the machine of that home. Sockets move to /run/vulcan when the home's path is too long for them. */
export function placesOf(home: string): Places {
  const dir = join(home, 'machine')
  const fits = Buffer.byteLength(join(dir, 'control.sock')) <= longestSocketPath
  const sockets = fits ? dir : join('/run/vulcan', sha256(home).slice(0, 16))
  const config = join(dir, 'config')
  return {
    dir,
    spec: join(dir, 'keeper.json'),
    keeperLog: join(dir, 'keeper.log'),
    consoleLog: join(dir, 'console.log'),
    dataDisk: join(dir, 'data.raw'),
    config,
    serverConfig: join(config, 'server.json'),
    sockets,
    control: join(sockets, 'control.sock'),
    exec: Array.from({ length: execPorts }, (_, i) => join(sockets, `exec.${i}.sock`)),
  }
}

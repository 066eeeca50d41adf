/** Which of the settings given here the server that runs was not started with. Pure. */
import { asVariables, type Loaded, type SettingName, variableOf } from '../config.ts'
import { settings } from '../settings.ts'
import type { ServerFile } from './serverfile.ts'

export interface NotInForce {
  readonly name: SettingName
  /** As it is given here, and as the server has it. */
  readonly here: string
  readonly there: string
}

/** They find the server or say where one starts; it has them, or another one is meant. */
const finding: readonly string[] = ['home', 'backend', 'place', 'ready_fd']
/** Of the machine, or of the host that it is on. */
const notOfItsServer = /^(machine\.|firecracker$|jailer$|kernel$|plugins\.tap$|cgroup$|server\.(host|port)$)/

/** Nothing where that is not known, as of a server of an older version; a service's settings are its own, and not ours to give. */
export function notInForce({ place, service, settings: there }: ServerFile, loaded: Loaded): NotInForce[] {
  if (!there || service) return []
  const here = asVariables(loaded)
  const names = (Object.keys(settings) as SettingName[]).filter(
    (name) => !finding.includes(name) && !(place === 'machine' ? notOfItsServer : /^machine\./).test(name),
  )
  return names.flatMap((name) => {
    const standard = String(settings[name].standard)
    const [ours = standard, theirs = standard] = [here[variableOf(name)], there[variableOf(name)]]
    return ours === theirs ? [] : [{ name, here: ours, there: theirs }]
  })
}

/** Which settings behind --set the server was not started with, in one line; undefined where it has them all. */
export function givenInVain(file: ServerFile, loaded: Loaded): string | undefined {
  const found = notInForce({ ...file, service: false }, loaded).filter(({ name }) => isFlag(loaded.origins[name]))
  if (found.length === 0) return undefined
  // A service is not started anew by us with settings of a command line.
  const way = file.service ? `a service takes them from ${loaded.config.home}/vulcan.toml` : 'vulcan up gives it these'
  return `${found.map(inWords).join('; ')}; ${way}`
}

const isFlag = (origin: string): boolean => origin.startsWith('--set ')

/** What runs, and what is around it, is found by these. */
const anchors: readonly string[] = ['node', 'instance', 'cgroup', 'network.subnet']

/** Whether a server with these settings could not take up the runs of that one. */
export function findsNoRun(file: ServerFile, loaded: Loaded): boolean {
  return notInForce(file, loaded).some(({ name }) => anchors.includes(name))
}

/** One sentence for each. */
export function inWords({ name, here, there }: NotInForce): string {
  return `${name} = ${here} is not what the server has, which was started with ${there}`
}

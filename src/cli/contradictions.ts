/** Settings that were given, fit each by itself, and cannot mean what they say beside another one. Pure. */
import { usualResources } from '../api/resources.ts'
import { runtimes } from '../api/runtimes.ts'
import type { Config, Loaded, SettingName } from '../config.ts'

type NumberName = { [N in SettingName]: Config[N] extends number ? N : never }[SettingName]

interface Rule {
  /** The one that is told of, where somebody has set it: a default that cannot be had is nobody's mistake. */
  readonly name: SettingName
  /** In words what is wrong; undefined where nothing is. */
  readonly wrong: (config: Config) => string | undefined
}

const above = (name: NumberName, other: NumberName, then: string): Rule => ({
  name,
  wrong: (config) => (config[name] > config[other] ? `is above ${other} (${config[other]}): ${then}` : undefined),
})

const below = (name: NumberName, usual: number, whose = ''): Rule => ({
  name,
  wrong: (config) =>
    config[name] < usual ? `is below the ${usual} that a workload${whose} has when its request names none` : undefined,
})

/** Addresses of a network that no vm has: its own, the gateway's, and that of all. */
const notOfVms = 3

const rules: readonly Rule[] = [
  above('concurrency.starting', 'concurrency.vms', 'so many never start at once'),
  above('limits.cpus', 'concurrency.cpus', 'a workload that asks for more than that runs alone'),
  above('limits.mem_mb', 'concurrency.mem_mb', 'that is the limit'),
  below('limits.cpus', usualResources.cpus),
  below('limits.timeout_s', usualResources.timeout_s),
  below('limits.disk_mb', usualResources.disk_mb),
  below('limits.pids', usualResources.pids),
  ...runtimes.map(({ name, defaultMemMib }) => below('limits.mem_mb', defaultMemMib, ` of ${name}`)),
  {
    name: 'network.subnet',
    wrong: ({ 'network.subnet': subnet, 'concurrency.vms': vms }) => {
      const room = 2 ** (32 - Number(subnet.split('/')[1] ?? 0)) - notOfVms
      return room < vms ? `has addresses for ${room} vms of concurrency.vms (${vms})` : undefined
    },
  },
]

/** One sentence for each, the setting's name and value first. */
export function contradictionsIn({ config, origins }: Loaded): string[] {
  return rules.flatMap(({ name, wrong }) => {
    const words = origins[name] === 'default' ? undefined : wrong(config)
    return words === undefined ? [] : [`${name} = ${String(config[name])} ${words}`]
  })
}

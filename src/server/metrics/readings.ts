/** The metrics that are read at each scrape: what is true now, and what somebody else counts. */
import { collectDefaultMetrics, Counter, Gauge, type Registry } from '@prometheus-io/client'
import type { DenialRule } from '../../api/denial.ts'
import { leftoverKinds } from '../../api/state.ts'
import { runtimes } from '../../api/runtimes.ts'
import type { Leftover } from '../../backend/backend.ts'
import type { PoolState } from '../../backend/warm.ts'
import type { Load } from '../../store/leases.ts'

export interface Sources {
  readonly version: string
  readonly load: () => Promise<Pick<Load, 'vms' | 'starting'> & { readonly pending: number }>
  /** What a cleanup would remove. */
  readonly leftovers: () => Promise<readonly Leftover[]>
  /** Packets that each rule refused since the firewall was installed; absent where the backend has none. */
  readonly refused?: (() => Promise<Readonly<Record<DenialRule, number>>>) | undefined
  /** What waits, ready, for runs to come. */
  readonly pool: () => PoolState
  /** Takes why a source could not be read; what it read before is then not told as news. */
  readonly log: (error: unknown) => void
}

export function addReadings(registry: Registry, o: Sources): void {
  const registers = [registry]
  new Gauge({ name: 'vulcan_build_info', help: 'Always 1.', labelNames: ['version'], registers }).set(
    { version: o.version },
    1,
  )
  addLoad(registry, o)
  addPool(registry, o)
  addLeftovers(registry, o)
  if (o.refused) addRefused(registry, o.refused, o.log)
  addProcess(registry)
}

function addLoad(registry: Registry, { load, log }: Sources): void {
  const registers = [registry]
  const vms = new Gauge({
    name: 'vulcan_vms_active',
    help: 'Vms of workloads, by what they do now: starting or running.',
    labelNames: ['state'],
    registers,
    async collect() {
      const now = await load().catch(log)
      // What is not known is not told.
      vms.reset()
      if (!now) return
      vms.set({ state: 'starting' }, now.starting)
      vms.set({ state: 'running' }, now.vms - now.starting)
    },
  })
  const queue = new Gauge({
    name: 'vulcan_queue_depth',
    help: 'Workloads that wait for room.',
    registers,
    async collect() {
      const now = await load().catch(log)
      if (now) queue.set(now.pending)
    },
  })
}

function addPool(registry: Registry, { pool }: Sources): void {
  const gauge = new Gauge({
    name: 'vulcan_pool_vms',
    help: 'What waits for workloads to come: vms that are ready, and slots, where one need only be loaded.',
    labelNames: ['runtime', 'state'],
    registers: [registry],
    collect() {
      for (const { name: runtime } of runtimes) {
        gauge.set({ runtime, state: 'ready' }, 0)
        gauge.set({ runtime, state: 'slot' }, 0)
      }
      for (const { runtime, ready, slots } of pool().lines) {
        gauge.inc({ runtime, state: 'ready' }, ready)
        gauge.inc({ runtime, state: 'slot' }, slots)
      }
    },
  })
}

function addLeftovers(registry: Registry, { leftovers, log }: Sources): void {
  const gauge = new Gauge({
    name: 'vulcan_leftovers',
    help: 'Things of ours on the host that have no owner, by kind; vulcan gc lists and removes them.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const found = await leftovers().catch((error: unknown) => {
        log(error)
      })
      // What is not known is not told.
      gauge.reset()
      if (!found) return
      for (const kind of leftoverKinds) gauge.set({ kind }, found.filter((thing) => thing.kind === kind).length)
    },
  })
}

function addRefused(registry: Registry, refused: NonNullable<Sources['refused']>, log: Sources['log']): void {
  const registers = [registry]
  let reading: ReturnType<typeof read> | undefined
  const read = async () => {
    const packets = await refused().catch(log)
    reading = undefined
    return packets
  }
  // One for both. Nothing known is not nothing refused: a fall to zero would count all of it again at the next scrape.
  const now = () => (reading ??= read())
  const all = new Counter({
    name: 'vulcan_egress_denied_total',
    help: 'Packets of guests, and names they asked for, that were refused.',
    registers,
    async collect() {
      const packets = await now()
      if (!packets) return
      all.reset()
      all.inc(Object.values(packets).reduce((sum, count) => sum + count, 0))
    },
  })
  const byRule = new Counter({
    name: 'vulcan_network_denied_total',
    help: 'Packets of guests, and names they asked for, that were refused, by the rule that did.',
    labelNames: ['rule'],
    registers,
    async collect() {
      const packets = await now()
      if (!packets) return
      byRule.reset()
      for (const [rule, count] of Object.entries(packets)) byRule.inc({ rule }, count)
    },
  })
}

/** Names of the client's that Prometheus's own check refuses: gauges called like counters, types in a name. */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
]

function addProcess(register: Registry): void {
  // The client's own precision (10 and 100 ms) would wake an idle server all the time, which under emulation is felt.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 50, eventLoopUtilizationTimeout: 60_000 })
  for (const name of misnamed) register.removeSingleMetric(name)
}

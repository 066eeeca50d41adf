/** What listens to the rooms: metrics, and traces where they are wanted. */
import type { Backend } from '../backend/backend.ts'
import type { Facts } from '../base/facts.ts'
import type { Say } from '../base/say.ts'
import type { Scope } from '../base/scope.ts'
import { stackOf } from '../base/words.ts'
import { traceSettings } from '../config.ts'
import { FirecrackerBackend } from '../firecracker/backend.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import type { ServerFacts } from '../server/facts.ts'
import { Metrics } from '../server/metrics/metrics.ts'
import { openTraces } from '../server/traces/traces.ts'

interface Observed {
  readonly backend: Backend
  readonly say: Say
  readonly scheduler: Scheduler
  readonly facts: Facts<ServerFacts>
  readonly node: string
  readonly version: string
}

/** Metrics, and traces where they are wanted, listen from now on to what the rooms state. */
export async function observe(scope: Scope, o: Observed): Promise<Metrics> {
  const { backend, scheduler, facts, say, node, version } = o
  const firecracker = backend instanceof FirecrackerBackend ? backend : undefined
  const metrics = new Metrics({
    version,
    load: () => scheduler.load(),
    leftovers: () => scheduler.cleanup({ dryRun: true }),
    pool: () => backend.pool(),
    refused: firecracker && (() => firecracker.refused()),
    log: (error) => say(`metrics: ${stackOf(error)}`, 'error'),
  })
  metrics.subscribe({ scheduler: scheduler.facts, server: facts })
  firecracker?.facts.on('vm.start_failed', ({ step, retried }) => {
    if (retried) metrics.retried(step)
  })
  firecracker?.facts.on('template.built', (built) => metrics.templateBuilt(built))
  const wanted = traceSettings()
  if (!wanted) return metrics
  const traces = await openTraces({ ...wanted, version, node, say })
  scope.defer('send the last traces', async () => traces[Symbol.asyncDispose]())
  traces.subscribe(scheduler.facts)
  return metrics
}

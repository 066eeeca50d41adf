/** From facts to metrics. This folder alone knows the Prometheus client. */
import { Registry } from '@prometheus-io/client'
import { runtimes } from '../../api/runtimes.ts'
import { exitReasons, type WorkloadSummary } from '../../api/workload.ts'
import type { Facts } from '../../base/facts.ts'
import { statusOf } from '../../scheduler/lifecycle.ts'
import type { SchedulerFacts } from '../../scheduler/options.ts'
import { refusals, type ServerFacts } from '../facts.ts'
import { requestInstruments, vmInstruments, workloadInstruments, type Instruments } from './instruments.ts'
import { addReadings, type Sources } from './readings.ts'

export class Metrics {
  /** Media type of what `text` gives. */
  static readonly type: string = Registry.PROMETHEUS_CONTENT_TYPE
  readonly #registry = new Registry()
  readonly #instruments: Instruments

  constructor(sources: Sources) {
    this.#instruments = {
      ...workloadInstruments(this.#registry),
      ...vmInstruments(this.#registry),
      ...requestInstruments(this.#registry),
    }
    addReadings(this.#registry, sources)
    this.#beginAtZero()
  }

  /** A counter that appears with its first event hides that event from every rate and alert. */
  #beginAtZero(): void {
    for (const reason of refusals) this.#instruments.refused.inc({ reason }, 0)
    for (const { name: runtime } of runtimes) {
      this.#instruments.accepted.inc({ runtime }, 0)
      this.#instruments.ended.inc({ runtime, status: 'completed', by: 'program' }, 0)
      for (const by of exitReasons) this.#instruments.ended.inc({ runtime, status: statusOf({ by }), by }, 0)
    }
  }

  /** All metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Counts from now on what these rooms state. */
  subscribe({ scheduler, server }: { scheduler: Facts<SchedulerFacts>; server: Facts<ServerFacts> }): void {
    const { accepted, refused, requests, streams } = this.#instruments
    scheduler.on('workload.accepted', ({ summary: { runtime } }) => accepted.inc({ runtime }))
    scheduler.on('workload.ended', ({ summary }) => this.ended(summary))
    server.on('request.answered', ({ method, route, status, ms }) =>
      requests.observe({ method, route, status: String(status) }, ms / 1000),
    )
    server.on('access.refused', ({ reason }) => refused.inc({ reason }))
    server.on('stream.opened', () => streams.inc())
    server.on('stream.closed', () => streams.dec())
  }

  /** A start of a vm failed at that step and is tried again. */
  retried(step: string): void {
    this.#instruments.startRetries.inc({ step })
  }

  /** A template was made, in so many milliseconds. */
  templateBuilt({ runtime, ms }: { readonly runtime: string; readonly ms: number }): void {
    this.#instruments.templateBuild.observe({ runtime }, ms / 1000)
  }

  /** Takes from a record's summary what its run was, in the figures that the record shows. */
  ended({ runtime, status, exit, run, created_at, finished_at }: WorkloadSummary): void {
    const { ended, duration, phase, boot, roundTrip, startFailures } = this.#instruments
    ended.inc({ runtime, status, by: exit?.by ?? 'unknown' })
    if (finished_at) duration.observe({ runtime, status }, (Date.parse(finished_at) - Date.parse(created_at)) / 1000)
    if (exit?.by === 'start_failed') startFailures.inc({ step: exit.step ?? 'unknown' })
    if (!run) return
    for (const [name, ms] of Object.entries(run.phases_ms)) phase.observe({ phase: name }, ms / 1000)
    boot.observe({ start: run.start, runtime }, run.boot_ms / 1000)
    roundTrip.observe(run.vsock.rtt_us / 1e6)
  }
}

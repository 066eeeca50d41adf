/** Traces by OpenTelemetry: a workload's spans, drawn when it has ended. The SDK is loaded only by `openTraces`. */
import {
  type Context,
  diag,
  DiagLogLevel,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type HrTime,
  type Tracer,
} from '@opentelemetry/api'
import type { WorkloadSummary } from '../../api/workload.ts'
import type { Facts } from '../../base/facts.ts'
import type { Say } from '../../base/say.ts'
import { sleep } from '../../base/time.ts'
import type { SchedulerFacts } from '../../scheduler/options.ts'
import { spansOf, type SpanShape } from './spans.ts'

export interface Traces extends AsyncDisposable {
  /** Draws from now on the workloads that the scheduler has ended. */
  subscribe(facts: Facts<SchedulerFacts>): void
}

export interface TracesOptions {
  readonly version: string
  readonly node: string
  /** For one export, and for the last spans when the server stops. */
  readonly timeoutMs: number
  /** Told what the SDK complains about, such as a collector that does not answer. */
  readonly say: Say
}

/**
 * Loads the SDK and sends spans by OTLP over HTTP to where the OTEL_ variables say. Closing sends what still waits;
 * a collector that does not answer is no error of ours.
 */
export async function openTraces(o: TracesOptions): Promise<Traces> {
  const [sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ])
  const complain = (words: string) => o.say(`traces: ${words.slice(0, 500)}`, 'warning')
  const ignore = () => undefined
  const logger = { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const ours = { 'service.name': 'vulcan', 'service.version': o.version, 'service.instance.id': o.node }
  const detectors = [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector]
  const resource = resources.resourceFromAttributes(ours).merge(resources.detectResources({ detectors }))
  const spanProcessors = [
    new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ timeoutMillis: o.timeoutMs }) }),
  ]
  const provider = new sdk.TracerProvider({ resource, spanProcessors })
  const tracer = provider.getTracer('vulcan', o.version)
  return {
    subscribe: (facts) => follow(tracer, facts),
    async [Symbol.asyncDispose]() {
      const done = new AbortController()
      const late = sleep(o.timeoutMs, done.signal).then(() => complain('there was no time to send the rest'))
      const sent = provider.shutdown().catch((error: unknown) => complain(`the rest was not sent: ${String(error)}`))
      await Promise.race([sent, late])
      done.abort()
    },
  }
}

function follow(tracer: Tracer, facts: Facts<SchedulerFacts>): void {
  const parents = new Map<string, string>()
  // Stated once for each: the same idempotency key again belongs to the first caller's trace.
  facts.on('workload.accepted', ({ id, traceparent }) => {
    if (traceparent !== undefined) parents.set(id, traceparent)
  })
  facts.on('workload.ended', ({ id, summary }) => {
    drawWorkload(tracer, summary, parents.get(id))
    parents.delete(id)
  })
}

/** Draws the spans of a workload that has ended, as part of the trace that `traceparent` names, else of a new one. */
export function drawWorkload(tracer: Tracer, summary: WorkloadSummary, traceparent: string | undefined): void {
  draw(tracer, spansOf(summary), { parent: parentOf(traceparent), kind: SpanKind.SERVER })
}

function draw(tracer: Tracer, shape: SpanShape, { parent, kind }: { parent: Context; kind: SpanKind }): void {
  const { name, attributes } = shape
  const span = tracer.startSpan(name, { kind, startTime: timeOf(shape.begunAt), attributes }, parent)
  if (shape.failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: shape.failure })
  const inside = trace.setSpan(parent, span)
  for (const child of shape.children) draw(tracer, child, { parent: inside, kind: SpanKind.INTERNAL })
  span.end(timeOf(shape.endedAt))
}

/** Seconds and nanoseconds: the API takes a small number for something else than milliseconds of the epoch. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

/** W3C Trace Context: version, trace id, parent's span id, flags. What does not fit is as if it were not there. */
function parentOf(traceparent = ''): Context {
  const [, traceId = '', spanId = '', flags = '0'] =
    /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(traceparent) ?? []
  const traceFlags = parseInt(flags, 16) & TraceFlags.SAMPLED
  const caller = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(caller) ? trace.setSpanContext(ROOT_CONTEXT, caller) : ROOT_CONTEXT
}

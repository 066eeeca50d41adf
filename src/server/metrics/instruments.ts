/** The metrics that facts feed. */
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'
import {
  bootBuckets,
  phaseBuckets,
  requestBuckets,
  roundTripBuckets,
  templateBuckets,
  workloadBuckets,
} from './buckets.ts'

export type Instruments = ReturnType<typeof workloadInstruments> &
  ReturnType<typeof vmInstruments> &
  ReturnType<typeof requestInstruments>

export function workloadInstruments(registry: Registry) {
  const registers = [registry]
  return {
    accepted: new Counter({
      name: 'vulcan_workloads_accepted_total',
      help: 'Workloads taken in.',
      labelNames: ['runtime'],
      registers,
    }),
    ended: new Counter({
      name: 'vulcan_workloads_total',
      help: 'Workloads that have ended, by what ended them.',
      labelNames: ['runtime', 'status', 'by'],
      registers,
    }),
    duration: new Histogram({
      name: 'vulcan_workload_duration_seconds',
      help: 'From acceptance to end, the wait included.',
      labelNames: ['runtime', 'status'],
      buckets: workloadBuckets,
      registers,
    }),
    phase: new Histogram({
      name: 'vulcan_phase_seconds',
      help: 'Time of each phase of a run; network, jail, jailer, configure and boot are parts of vm.',
      labelNames: ['phase'],
      buckets: phaseBuckets,
      registers,
    }),
  }
}

export function vmInstruments(registry: Registry) {
  const registers = [registry]
  return {
    boot: new Histogram({
      name: 'vulcan_vm_boot_seconds',
      help: 'From the start of a vm to the word of its guest that it is ready.',
      labelNames: ['start', 'runtime'],
      buckets: bootBuckets,
      registers,
    }),
    roundTrip: new Histogram({
      name: 'vulcan_vsock_rtt_seconds',
      help: 'Round trip of one ping to the agent in the guest.',
      buckets: roundTripBuckets,
      registers,
    }),
    templateBuild: new Histogram({
      name: 'vulcan_template_build_seconds',
      help: 'Making a template: a boot, a snapshot, a vm that goes on from it for a trial.',
      labelNames: ['runtime'],
      buckets: templateBuckets,
      registers,
    }),
    startFailures: new Counter({
      name: 'vulcan_vm_start_failures_total',
      help: 'Workloads whose vm could not be started, by the step that failed.',
      labelNames: ['step'],
      registers,
    }),
    startRetries: new Counter({
      name: 'vulcan_vm_start_retries_total',
      help: 'Starts of a vm that failed and were tried again, by the step that failed.',
      labelNames: ['step'],
      registers,
    }),
  }
}

export function requestInstruments(registry: Registry) {
  const registers = [registry]
  return {
    requests: new Histogram({
      name: 'vulcan_http_request_duration_seconds',
      help: 'From a request to the last byte of its answer; of a log, the time it was followed.',
      labelNames: ['method', 'route', 'status'],
      buckets: requestBuckets,
      registers,
    }),
    refused: new Counter({
      name: 'vulcan_auth_failures_total',
      help: 'Requests refused for their key, its scope, or their Host or Origin.',
      labelNames: ['reason'],
      registers,
    }),
    streams: new Gauge({ name: 'vulcan_log_streams_open', help: 'Clients that follow a log now.', registers }),
  }
}

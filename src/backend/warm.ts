/** What a backend keeps so that runs to come start sooner, as it tells of it. */

import type { RunSpec } from './backend.ts'

/** Runs that one template serves. */
export type Usual = Pick<RunSpec, 'runtime' | 'resources' | 'network'>

/** What makes one vm another than the next, before its program. */
export interface VmKind {
  readonly runtime: string
  readonly vcpus: number
  /** Of the whole vm: its program's, and its kernel's and agent's. */
  readonly memMib: number
  /** What its program may write. */
  readonly diskMib: number
}

export interface TemplateState extends VmKind {
  /** Whether its vms have a network interface. */
  readonly nic: boolean
  /** `failed`: vms of that kind boot; it is tried again when it is used again. */
  readonly state: 'ready' | 'building' | 'waiting' | 'failed'
  /** What it takes of the disk; with `ready`. */
  readonly bytes?: number
  /** When it was made, in milliseconds of the epoch; with `ready`. */
  readonly madeAt?: number
  /** Why it could not be made; with `failed`. */
  readonly reason?: string
}

/** The vms of one kind and network that wait for a run. */
export interface PoolLine extends VmKind {
  readonly network: string
  readonly ready: number
  /** Places where the next ones need only be loaded. */
  readonly slots: number
  /** How many there should be, as often as they are asked for. */
  readonly wanted: number
}

export interface PoolState {
  readonly lines: readonly PoolLine[]
  /** Most that wait of one kind; 0 where none ever do. */
  readonly most: number
  /** MiB that all that wait may have together. */
  readonly memMib: number
}

/** Of a backend, or a configuration, that keeps none. */
export const noPool: PoolState = { lines: [], most: 0, memMib: 0 }

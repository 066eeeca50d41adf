/** What a claimed workload needs of the rooms and of the worker. */
import type { Backend, RunSpec } from '../backend/backend.ts'
import type { Claimed } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { EventLog } from './eventlog.ts'

export interface WorkloadParts {
  readonly claimed: Claimed
  readonly spec: RunSpec
  readonly log: EventLog
  /** Whether what was asked for is kept beyond its end. */
  readonly keepsRequest: boolean
  readonly store: Store
  readonly backend: Backend
  /** Told of what could not be undone or written. */
  readonly onTrouble: (error: unknown) => void
  /** Told when the program runs: another may start. */
  readonly onStarted: () => void
  /** Told when its end is about to be recorded: soon the store counts it no more, and its vm is still to be removed. */
  readonly onRecording: () => void
  /** Told when it has ended or was let go of, before `ended` resolves. */
  readonly onEnded: () => void
  /** Told after that, for all who do not wait for it. */
  readonly onTold: () => void
  /** Told when nothing of it is ours any more, before `gone` resolves. */
  readonly onGone: () => void
}

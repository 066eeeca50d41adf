/** A workload's life as data: which status may follow which, and what status an exit means. Pure. */
import type { Status } from '../api/workload.ts'
import type { Exit } from '../backend/backend.ts'

export const transitions: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['running', 'failed', 'killed'],
  running: ['completed', 'failed', 'killed'],
  completed: [],
  failed: [],
  killed: [],
}

/** The next status; throws when the table does not allow it, which is a fault of ours. */
export function advance(from: Status, to: Status): Status {
  if (!transitions[from].includes(to)) throw new Error(`a workload cannot go from ${from} to ${to}`)
  return to
}

/** completed: the program ended with 0; killed: somebody asked; failed: anything else. */
export function statusOf(exit: Exit): 'completed' | 'failed' | 'killed' {
  if (exit.by === 'killed') return 'killed'
  return exit.by === 'program' && exit.code === 0 ? 'completed' : 'failed'
}

/** A workload's events for as long as it goes on, also while its server is away and comes back. */
import type { Client } from '../api/client.ts'
import { VulcanError } from '../api/errors.ts'
import { outputBytes, type LogEvent } from '../api/sse.ts'
import type { Context } from './context.ts'

export interface FollowOptions {
  readonly follow?: boolean
  /** True when the server has spoken of the workload before. */
  readonly known?: boolean
  readonly signal?: AbortSignal
}

/**
 * Every event exactly once and in order, up to `end`. Rejects with workload_lost when a server that knew the
 * workload came back without it, with not_found when none ever did.
 */
export async function* eventsOf(client: Client, id: string, options: FollowOptions = {}): AsyncGenerator<LogEvent> {
  let { known = false } = options
  try {
    for await (const event of client.logs(id, options)) {
      known = true
      yield event
    }
  } catch (error) {
    throw known ? lostOr(error, id) : error
  }
}

/** An error about a workload that was there before, in words that say what that means. */
export function lostOr(error: unknown, id: string): unknown {
  if (!(error instanceof VulcanError) || error.code !== 'not_found') return error
  const message = `the server was started anew and does not know the workload ${id} any more`
  return new VulcanError('workload_lost', message, { cause: error })
}

/** Shows what an event holds of the program's output, each stream on ours. */
export async function showOutput({ print, printError }: Context, event: LogEvent): Promise<void> {
  if (event.event === 'stdout') await print(outputBytes(event.data))
  else if (event.event === 'stderr') await printError(outputBytes(event.data))
}

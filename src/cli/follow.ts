/** A workload's events for as long as it goes on, also while its server is away and comes back. */
import { VulcanError } from '../api/errors.ts'
import { outputBytes, type LogEvent } from '../api/sse.ts'
import type { Context } from './context.ts'

/**
 * A workload's events as they come, each exactly once and in order. Rejects with workload_lost when a server that knew the workload came back without it, with
 * not_found when none ever did. `known`: a server has spoken of it before.
 */
export async function* eventsOf(
  events: AsyncIterable<LogEvent>,
  { id, known = false }: { id: string; known?: boolean },
): AsyncGenerator<LogEvent> {
  let heard = known
  try {
    for await (const event of events) {
      heard = true
      yield event
    }
  } catch (error) {
    throw heard ? lostOr(error, id) : error
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

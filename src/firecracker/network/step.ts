/** The edge of the network: how its failures look to the rest of this room. */
import { VulcanError } from '../../api/errors.ts'
import { messageOf } from '../../base/words.ts'

/** Whatever a step throws becomes a VulcanError that names it; an abort keeps the signal's reason. */
export async function step<T>(name: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof VulcanError) throw cause
    const why = messageOf(cause)
    throw new VulcanError('network_failed', `the network could not be set up at "${name}": ${why}`, {
      step: name,
      cause,
    })
  }
}

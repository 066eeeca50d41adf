/** Where the server listens: at the port that is meant, or by name nowhere. */
import { VulcanError } from '../api/errors.ts'
import type { Say } from '../base/say.ts'
import type { Loaded } from '../config.ts'
import type { FastifyTypeBox } from '../server/app.ts'

interface Listening {
  /** A service manager started it: others know the port, such as a proxy and whoever watches it. */
  readonly service: boolean
  readonly say: Say
}

/**
 * Resolves with the address. Where the port is taken that nobody asked for, any other will do, and is told; rejects with
 * `host_unfit` where it was asked for, and in a service.
 */
export async function listen(
  app: Pick<FastifyTypeBox, 'listen'>,
  { config, origins }: Loaded,
  { service, say }: Listening,
): Promise<string> {
  const { 'server.host': host, 'server.port': port } = config
  try {
    return await app.listen({ host, port })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    if (service || origins['server.port'] !== 'default') throw taken(port, cause)
    const url = await app.listen({ host, port: 0 })
    say(`port ${port} is taken; listening at ${url}`, 'warning')
    return url
  }
}

const taken = (port: number, cause: unknown): VulcanError =>
  new VulcanError('host_unfit', `port ${port} is taken; set server.port`, {
    step: 'listen',
    hint: `who has it: ss -ltnp 'sport = :${port}'`,
    cause,
  })

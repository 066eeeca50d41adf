/** A program through the API of the node's own server: to its first byte, to its record. */
import { Client } from '../../src/api/client.ts'
import { sleep } from '../../src/base/time.ts'

/** For the pool to be filled again, in milliseconds. */
const refillMs = 6000

export async function firstByteOfApi(o: {
  url: string
  key: string
  runtime: 'python' | 'node' | 'go'
  code: string
  signal: AbortSignal
}): Promise<{ start: string | undefined; ms: number; recordMs: number }> {
  await sleep(refillMs)
  const client = new Client({ url: o.url, key: o.key })
  const begun = performance.now()
  const { id, events } = await client.start({ runtime: o.runtime, code: o.code }, { signal: o.signal })
  let ms = NaN
  for await (const event of events) {
    if (event.event === 'stdout' && Number.isNaN(ms)) ms = performance.now() - begun
  }
  const record = await client.get(id)
  return { start: record.run?.start, ms, recordMs: performance.now() - begun }
}

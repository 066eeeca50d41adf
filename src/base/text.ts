/** A byte stream as text. Node's own reader of that kind loads fetch with it, which takes a short command long. */
import type { Readable } from 'node:stream'

/** All of it: bytes as UTF-8, strings as they are. */
export async function textOf(stream: Readable): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** A byte stream as text. Node's own reader of that kind loads fetch with it, which takes a short command long. */
import type { Readable } from 'node:stream'

/** All of it: bytes as UTF-8, strings as they are. Rejects where bytes are not UTF-8: replaced, they would be somebody else's. */
export async function textOf(stream: Readable): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const decoded = (bytes?: Uint8Array) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      throw new Error('is not text in UTF-8')
    }
  }
  let text = ''
  for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
    text += typeof chunk === 'string' ? chunk : decoded(chunk)
  }
  return text + decoded()
}

/** Without the byte order mark that some editors begin a file with: it is no JSON, and no code. */
export function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '')
}

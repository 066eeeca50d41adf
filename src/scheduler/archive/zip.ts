/** Reads the entries of a zip file, the beginnings of the few that matter included. */
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import * as yauzl from 'yauzl'
import { contentLimit, wantsContent, type ArchiveEntry, type Collector } from './entries.ts'

const open = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)

/** Rejects with the collector's VulcanError, or with a plain error when the archive cannot be read. */
export async function readZip(path: string, o: { collector: Collector; signal: AbortSignal }): Promise<void> {
  // Names are checked by the collector, with words of our own.
  const zip = await open(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true, decodeStrings: false })
  try {
    for await (const entry of entriesOf(zip)) {
      o.signal.throwIfAborted()
      o.collector.add(await describe(zip, entry))
    }
  } finally {
    zip.close()
  }
}

async function* entriesOf(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<yauzl.Entry | undefined>()
    const onEntry = (entry: yauzl.Entry) => resolve(entry)
    const onEnd = () => resolve(undefined)
    zip.once('entry', onEntry).once('end', onEnd).once('error', reject)
    zip.readEntry()
    const entry = await promise.finally(() => {
      zip.off('entry', onEntry).off('end', onEnd).off('error', reject)
    })
    if (!entry) return
    yield entry
  }
}

const typeMask = 0o170000
const kindOfMode: Readonly<Record<number, ArchiveEntry['kind']>> = {
  0: 'file',
  0o100000: 'file',
  0o040000: 'directory',
  0o120000: 'symlink',
}
/** "Made by" in the upper byte: only Unix stores a mode. */
const madeByUnix = 3

async function describe(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<ArchiveEntry> {
  const name = (entry.fileName as unknown as Buffer).toString('utf8')
  const mode = entry.versionMadeBy >> 8 === madeByUnix ? entry.externalFileAttributes >>> 16 : 0
  const kind = name.endsWith('/') ? 'directory' : (kindOfMode[mode & typeMask] ?? 'other')
  const seen = { path: name, kind, bytes: entry.uncompressedSize }
  if (entry.isEncrypted()) throw new Error(`the entry ${name} is encrypted`)
  if (kind === 'symlink') return { ...seen, target: await beginning(zip, entry) }
  return kind === 'file' && wantsContent(name) ? { ...seen, content: await beginning(zip, entry) } : seen
}

async function beginning(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<string> {
  const stream = await promisify(zip.openReadStream.bind(zip) as OpenStream)(entry)
  const parts: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    parts.push(chunk)
    bytes += chunk.length
    if (bytes >= contentLimit) stream.destroy()
  })
  try {
    await finished(stream)
  } catch (error) {
    // Destroyed by us with enough in hand.
    if (bytes < contentLimit) throw error
  }
  return Buffer.concat(parts).toString('utf8', 0, contentLimit)
}

type OpenStream = (
  entry: yauzl.Entry,
  done: (error: Error | null, stream: NodeJS.ReadableStream & { destroy(): void }) => void,
) => void

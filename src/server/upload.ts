/** Multipart requests: `spec` becomes the body that is validated, `archive` goes to a file as it comes, never into memory. */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import multipart, { type Multipart, type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'
import type { WorkloadRequest } from '../api/workload.ts'
import type { Requests } from '../scheduler/requests.ts'
import { whoAsks } from './access.ts'
import { foreignMedia, missing } from './faults.ts'
import { keyInHeader } from './idempotency.ts'
import { parseJson } from './json.ts'
import { Places } from './places.ts'
import { bodyComes } from './wire.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The archive of a multipart request; whoever takes it moves it away. */
    upload: { readonly path: string; readonly bytes: number } | null
    /** Held while a multipart request arrives; whoever has taken its archive gives it back. */
    place: Disposable | null
  }
}

export interface UploadOptions {
  /** $VULCAN_HOME; unfinished uploads lie in uploads/. */
  readonly home: string
  readonly archiveBytes: number
  readonly specBytes: number
  readonly requests: Pick<Requests, 'expectQuota'>
}

export async function acceptUploads(app: FastifyInstance, options: UploadOptions): Promise<void> {
  const folder = join(options.home, 'uploads')
  // An earlier process may have been killed in the middle of one.
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await app.register(multipart, {
    throwFileSizeLimit: false,
    limits: { fileSize: options.archiveBytes + 1, fieldSize: options.specBytes, files: 2, fields: 2, parts: 4 },
  })
  app.decorateRequest('upload', null)
  app.decorateRequest('place', null)
  const places = new Places(options.home)
  // After every check of who asks, and before anything of the body is read.
  app.addHook('preParsing', async (request) => {
    if (!isMultipart(request)) return
    if (request.is404) throw missing(request)
    if (!request.routeOptions.config.multipart) throw foreignMedia(request)
    const bytes = Number(request.headers['content-length'] ?? Infinity)
    request.place = await places.take(whoAsks(request), Math.min(bytes, options.archiveBytes))
  })
  app.addHook('preValidation', async (request) => {
    if (!request.place) return
    try {
      await new Parts(request, folder, options).read()
    } catch (error) {
      // Here and not only at the end: of a request that broke off there is no response.
      await drop(request)
      throw translated(error, options.specBytes)
    }
  })
  app.addHook('onRequestAbort', drop)
  app.addHook('onResponse', drop)
}

function isMultipart({ raw }: FastifyRequest): boolean {
  const [type = ''] = (raw.headers['content-type'] ?? '').split(';')
  return bodyComes(raw) && type.trim().toLowerCase() === 'multipart/form-data'
}

/** Removes an archive that nobody took. */
async function drop({ upload, place }: FastifyRequest): Promise<void> {
  if (upload) await rm(upload.path, { force: true })
  place?.[Symbol.dispose]()
}

/** What the parser says of a body has no code of the system; a disk that fails has one, and is ours. */
function translated(error: unknown, specBytes: number): unknown {
  const { code, errno, message } = error as NodeJS.ErrnoException
  if (error instanceof VulcanError) return error
  if (errno !== undefined) return new VulcanError('store_failed', `writing an upload: ${message}`, { cause: error })
  const words =
    code === 'FST_INVALID_JSON_FIELD_ERROR'
      ? `the part spec is not JSON, or has more than ${specBytes} bytes (limits.body_mb)`
      : `the multipart body cannot be read: ${message}`
  return new VulcanError('invalid_request', words, { cause: error })
}

/** The parts of one request. */
class Parts {
  readonly #request: FastifyRequest
  readonly #folder: string
  readonly #o: UploadOptions
  #spec: unknown
  #fault: Error | undefined

  constructor(request: FastifyRequest, folder: string, options: UploadOptions) {
    this.#request = request
    this.#folder = folder
    this.#o = options
  }

  /** Reads them to the end, even after a fault: a client that still sends would not see an answer. */
  async read(): Promise<void> {
    for await (const part of this.#request.parts()) {
      try {
        await this.#take(part)
      } catch (error) {
        this.#fault ??= error as Error
        if (part.type === 'file') part.file.resume()
      }
    }
    if (this.#fault !== undefined) throw this.#fault
    if (this.#spec === undefined) throw new VulcanError('invalid_request', 'the part spec is missing')
    this.#request.body = this.#spec
  }

  async #take(part: Multipart): Promise<void> {
    const { fieldname: name } = part
    if (name === 'spec' && this.#spec === undefined) this.#spec = await specIn(part, this.#o.specBytes)
    else if (name === 'archive' && part.type === 'file' && !this.#request.upload) await this.#keep(part)
    else {
      throw new VulcanError(
        'invalid_request',
        `the part ${JSON.stringify(name)} is not one of spec and archive, once each`,
      )
    }
  }

  async #keep({ file }: MultipartFile): Promise<void> {
    await this.#expectQuota(file)
    const path = join(this.#folder, randomUUID())
    this.#request.upload = { path, bytes: 0 }
    await pipeline(file, createWriteStream(path, { mode: 0o600 }))
    this.#request.upload = { path, bytes: file.bytesRead }
    const { archiveBytes } = this.#o
    if (file.bytesRead <= archiveBytes) return
    await rm(path, { force: true })
    const words = `the archive has more than ${archiveBytes} bytes (limits.archive_mb)`
    throw new VulcanError('archive_too_large', words, { field: '/archive' })
  }

  async #expectQuota(file: MultipartFile['file']): Promise<void> {
    // A key behind the archive is not known yet: such a request is made again once the quota allows it.
    const key =
      keyInHeader(this.#request) ?? (this.#spec as Partial<WorkloadRequest> | null | undefined)?.idempotency_key
    try {
      await this.#o.requests.expectQuota(whoAsks(this.#request).id, typeof key === 'string' ? key : undefined)
    } catch (error) {
      // Nothing of it is read, and with it the parts are over.
      file.destroy()
      throw error
    }
  }
}

/** A part that calls itself JSON was parsed already. */
async function specIn(part: Multipart, limit: number): Promise<unknown> {
  if (part.type === 'file') return parseJson(await textOf(part, limit), 'part spec')
  if (part.valueTruncated) throw tooLarge('part spec', limit)
  return typeof part.value === 'string' ? parseJson(part.value, 'part spec') : part.value
}

async function textOf(part: MultipartFile, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of Readable.from(part.file) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= limit) chunks.push(chunk)
  }
  if (bytes > limit) throw tooLarge('part spec', limit)
  return Buffer.concat(chunks).toString('utf8')
}

const tooLarge = (what: string, limit: number): VulcanError =>
  new VulcanError('body_too_large', `the ${what} has more than ${limit} bytes (limits.body_mb)`)

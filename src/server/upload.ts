/** Multipart requests: `spec` becomes the body that is validated, `archive` goes to a file as it comes, never into memory. */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import multipart, { type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { VulcanError } from '../api/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The archive of a multipart request; whoever takes it moves it away. */
    upload: { readonly path: string; readonly bytes: number } | null
  }
}

export interface UploadOptions {
  /** $VULCAN_HOME; unfinished uploads lie in uploads/. */
  readonly home: string
  readonly archiveBytes: number
  readonly specBytes: number
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
  app.addHook('preValidation', async (request) => {
    if (!request.isMultipart()) return
    try {
      await readParts(request, folder, options)
    } catch (error) {
      // Here and not only at the end: of a request that broke off there is no response.
      await drop(request)
      throw translated(error, options.specBytes)
    }
  })
  app.addHook('onRequestAbort', drop)
  app.addHook('onResponse', drop)
}

/** Removes an archive that nobody took. */
async function drop({ upload }: FastifyRequest): Promise<void> {
  if (upload) await rm(upload.path, { force: true })
}

/** What the parser says of a body has no code of the system; a full disk has one, and is ours. */
function translated(error: unknown, specBytes: number): unknown {
  const { code, errno, message } = error as NodeJS.ErrnoException
  if (error instanceof VulcanError || errno !== undefined) return error
  const words =
    code === 'FST_INVALID_JSON_FIELD_ERROR'
      ? `the part spec is not JSON, or has more than ${specBytes} bytes`
      : `the multipart body cannot be read: ${message}`
  return new VulcanError('invalid_request', words, { cause: error })
}

async function readParts(request: FastifyRequest, folder: string, options: UploadOptions): Promise<void> {
  let spec: unknown
  let fault: VulcanError | undefined
  // Read to the end even after a fault: a client that still sends would not see an answer.
  for await (const part of request.parts()) {
    if (part.type === 'field' && part.fieldname === 'spec' && spec === undefined) {
      if (part.valueTruncated) fault ??= tooLarge('part spec', options.specBytes)
      spec = part.value
    } else if (part.type === 'file' && part.fieldname === 'spec' && spec === undefined) {
      spec = await textOf(part, options.specBytes)
    } else if (part.type === 'file' && part.fieldname === 'archive' && !request.upload) {
      const path = join(folder, randomUUID())
      request.upload = { path, bytes: 0 }
      await pipeline(part.file, createWriteStream(path, { mode: 0o600 }))
      request.upload = { path, bytes: part.file.bytesRead }
      if (part.file.bytesRead > options.archiveBytes) {
        await rm(path, { force: true })
        fault ??= new VulcanError('archive_too_large', `the archive has more than ${options.archiveBytes} bytes`, {
          field: '/archive',
        })
      }
    } else {
      if (part.type === 'file') part.file.resume()
      fault ??= new VulcanError(
        'invalid_request',
        `the part ${JSON.stringify(part.fieldname)} is not one of spec and archive, once each`,
      )
    }
  }
  if (fault) throw fault
  if (spec === undefined) throw new VulcanError('invalid_request', 'the part spec is missing')
  // A part that calls itself JSON was parsed already.
  request.body = typeof spec === 'string' ? parse(spec) : spec
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

function parse(spec: string): unknown {
  try {
    return JSON.parse(spec)
  } catch (cause) {
    throw new VulcanError('invalid_request', `the part spec is not JSON: ${(cause as Error).message}`, { cause })
  }
}

const tooLarge = (what: string, limit: number): VulcanError =>
  new VulcanError('body_too_large', `the ${what} has more than ${limit} bytes`)

/** The command line in this process, against a server on the fake backend, for tests of what a process adds nothing to. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { buildOf } from '../src/cli/build.ts'
import { cli } from '../src/cli/cli.ts'
import { writeServerFile } from '../src/cli/serverfile.ts'
import { backUp } from '../src/server/backup.ts'
import { testKey, testSecret, testServer, type TestServer } from '../src/server/testing.ts'

export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly bytes: Buffer
}

export interface Saying {
  readonly stdin?: string | Buffer
  /** Columns of the terminal that stdout then is. */
  readonly columns?: number
  /** Told of everything that stdout was given so far. */
  readonly onOutput?: (out: string) => void
}

export interface CommandLine extends AsyncDisposable {
  readonly server: TestServer
  /** For programs and what else is handed in. */
  readonly folder: string
  /** Writes a file into the folder, with the folders above it, and gives its path. */
  readonly file: (name: string, content: string | Buffer) => Promise<string>
  /** Hands a program in and gives its id. */
  readonly detached: (name: string, code: string, flags?: readonly string[]) => Promise<string>
  readonly url: string
  /** Lets every later command find the server there. */
  readonly moveTo: (url: string) => Promise<void>
  readonly vulcan: (words: readonly string[], o?: Saying) => Promise<Said>
}

/** Stands for the program where its build is asked for. */
const program = import.meta.filename
/** A home without assets: what a build is made of beside the program. */
const nothing = '/nonexistent'

export async function commandLine(): Promise<CommandLine> {
  const server = await testServer({ server: { build: await buildOf({ program, home: nothing }), heartbeatMs: 50 } })
  const { home } = server
  await writeFile(join(home, 'key'), `${testKey}\n`)
  const moveTo = (at: string) =>
    writeServerFile(home, { url: at, place: 'host', backend: 'fake', secret: testSecret, holds: [] })
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 })
  await moveTo(url)
  const folder = await mkdtemp(join(tmpdir(), 'vulcan-commands-'))
  const file = async (name: string, content: string | Buffer) => {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    return path
  }
  const vulcan = (words: readonly string[], o: Saying = {}) => say(['--home', home, '--backend', 'fake', ...words], o)
  return {
    ...{ server, folder, url, moveTo, file, vulcan },
    async detached(name, code, flags = []) {
      return (await vulcan(['run', '--detach', ...flags, await file(name, code)])).out.trim()
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Runs one command line in this process. */
export async function say(words: readonly string[], o: Saying): Promise<Said> {
  const out = new Paper(o)
  const err = new Paper({})
  const code = await cli(words, {
    root: import.meta.dirname,
    program,
    version: '0',
    serve: () => Promise.reject(new Error('this test starts no server')),
    foreignDrops: () => Promise.resolve([]),
    backUp,
    streams: { stdin: Readable.from([o.stdin ?? '']), stdout: out, stderr: err },
  })
  return { code, out: out.bytes.toString(), err: err.bytes.toString(), bytes: out.bytes }
}

class Paper extends Writable {
  readonly isTTY: boolean
  readonly columns: number | undefined
  readonly #parts: Buffer[] = []
  readonly #onOutput: Saying['onOutput']

  constructor({ columns, onOutput }: Saying) {
    super()
    this.isTTY = columns !== undefined
    this.columns = columns
    this.#onOutput = onOutput
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  override _write(part: Buffer, _encoding: string, done: () => void): void {
    this.#parts.push(part)
    this.#onOutput?.(this.bytes.toString())
    done()
  }
}

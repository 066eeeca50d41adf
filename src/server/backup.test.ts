import {
  chmod,
  copyFile,
  mkdir,
  mkdtempDisposable,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { extract, list } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WorkloadRecord } from '../api/workload.ts'
import { Store } from '../store/store.ts'
import { testWorkload } from '../store/testing.ts'
import { backUp } from './backup.ts'
import { authorization, testServer, type TestServer } from './testing.ts'

let server: TestServer
let folder: Awaited<ReturnType<typeof mkdtempDisposable>>
const signal = AbortSignal.timeout(60_000)
beforeEach(async () => {
  folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-backup-'))
  server = await testServer()
  await writeFile(join(server.home, 'key'), 'vk_local\n', { mode: 0o600 })
  await writeFile(join(server.home, 'vulcan.toml'), 'limits.cpus = 4\n')
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await folder.remove()
  expect(server.logged).toEqual([])
})

async function submit(code: string, wait = true): Promise<WorkloadRecord> {
  const url = wait ? '/v1/workloads' : '/v1/workloads/async'
  const payload = { runtime: 'python', code }
  return (await server.app.inject({ method: 'POST', url, headers: authorization, payload })).json()
}

/** The home of a stopped server, of which nothing but the backup is left. */
async function opened(home: string): Promise<TestServer> {
  return testServer({ scheduler: { home } })
}

async function logOf({ app }: TestServer, id: string): Promise<string> {
  return (await app.inject({ url: `/v1/workloads/${id}/output/stdout`, headers: authorization })).body
}

test('a home made from a backup of a running server has its records, logs and keys; what ran then ended with it', async () => {
  const ended = await submit('# fake: print hello\n# fake: result 42')
  const running = await submit('# fake: print up\n# fake: sleep 600000', false)
  for await (const { kind } of server.scheduler.events(running.id, 0, signal)) if (kind === 'stdout') break
  await server.app.inject({ method: 'POST', url: '/v1/keys', headers: authorization, payload: { name: 'ci' } })
  const path = join(folder.path, 'copy')
  const bytes = await backUp({ home: server.home, path, signal })
  await submit('# fake: print later')
  expect((await readdir(folder.path)).sort()).toEqual(['copy'])
  expect((await readdir(path)).sort()).toEqual(['COMPLETE', 'key', 'runs', 'vulcan.db', 'vulcan.toml'])
  expect(JSON.parse(await readFile(join(path, 'COMPLETE'), 'utf8'))).toMatchObject({ format: 1, workloads: 2, bytes })
  expect(await readFile(join(path, 'key'), 'utf8')).toBe('vk_local\n')

  await using restored = await opened(path)
  const get = async (url: string) => (await restored.app.inject({ url, headers: authorization })).json<object>()
  expect(await get(`/v1/workloads/${ended.id}`)).toEqual(ended)
  expect(await logOf(restored, ended.id)).toBe('hello\n')
  expect(await logOf(restored, running.id)).toBe('up\n')
  expect(await get(`/v1/workloads/${running.id}`)).toMatchObject({ status: 'failed', exit: { by: 'vm_lost' } })
  expect((await get('/v1/workloads')) as { workloads: object[] }).toMatchObject({ workloads: { length: 2 } })
  expect(await get('/v1/keys')).toMatchObject({ keys: [{ name: 'ci' }] })
})

test('nobody else can read it', async () => {
  await submit('# fake: print x')
  await chmod(join(server.home, 'vulcan.toml'), 0o644)
  const path = join(folder.path, 'copy')
  await backUp({ home: server.home, path, signal })
  for (const name of await readdir(path, { recursive: true })) {
    const { mode } = await stat(join(path, name))
    expect(mode & 0o077, name).toBe(0)
  }
  await backUp({ home: server.home, path: `${path}.tar.zst`, signal })
  expect((await stat(`${path}.tar.zst`)).mode & 0o777).toBe(0o600)
})

test('works while nothing runs, also after a crash that left the newest changes beside the store', async () => {
  const home = join(folder.path, 'crashed')
  await mkdir(home)
  await using store = await Store.open(home)
  await store.insert(testWorkload({ id: 'newest' }))
  const left = join(folder.path, 'left')
  await mkdir(left)
  for (const name of ['vulcan.db', 'vulcan.db-wal']) await copyFile(join(home, name), join(left, name))
  const path = join(folder.path, 'copy')
  await backUp({ home: left, path, signal })
  expect(await readdir(path)).not.toContain('vulcan.db-wal')
  await using copied = await Store.open(path)
  expect(await copied.find('newest')).toMatchObject({ id: 'newest' })
})

test('of what is forgotten while it is made nothing is in it: no record without its output', async () => {
  const records: WorkloadRecord[] = []
  for (let n = 0; n < 40; n += 1) records.push(await submit(`# fake: print number ${n}`))
  // Forgotten one after another, from the last that is copied to the first: some before their copy, some behind it.
  const path = join(folder.path, 'copy')
  const copying = backUp({ home: server.home, path, signal })
  await using store = await Store.open(server.home)
  for (const { id } of records.toReversed()) {
    await store.remove([id])
    await rm(join(server.home, 'runs', id), { recursive: true })
  }
  await copying
  await using restored = await opened(path)
  const { workloads } = (await restored.app.inject({ url: '/v1/workloads?limit=100', headers: authorization })).json<{
    workloads: WorkloadRecord[]
  }>()
  for (const { id } of workloads) {
    const { stdout } = await restored.scheduler.record(id)
    expect(stdout).toMatch(/^number/)
    expect(await logOf(restored, id)).toBe(stdout)
  }
  const { workloads: counted } = JSON.parse(await readFile(join(path, 'COMPLETE'), 'utf8')) as { workloads: number }
  expect(counted).toBe(workloads.length)
  expect((await readdir(join(path, 'runs'))).toSorted()).toEqual(workloads.map(({ id }) => id).toSorted())
})

test('is consistent while others write', async () => {
  const path = join(folder.path, 'copy')
  const store = await Store.open(server.home)
  const two = (n: number) =>
    Promise.all(
      ['a', 'b'].map((half) =>
        store.insert(testWorkload({ id: `${n}${half}`, runtime: 'cobol', spec: 'x'.repeat(9999) })),
      ),
    )
  let n = 0
  const copy = { isMade: false }
  const copying = backUp({ home: server.home, path, signal }).finally(() => (copy.isMade = true))
  while (!copy.isMade) await two((n += 1))
  await copying
  await store[Symbol.asyncDispose]()
  await using copied = await Store.open(path)
  const ids = (await copied.list({ limit: 100_000 })).map(({ id }) => id)
  // Both halves went in by one commit.
  expect(ids.filter((id) => id.endsWith('a'))).toHaveLength(ids.filter((id) => id.endsWith('b')).length)
})

test('over HTTP it is a .tar.zst with COMPLETE at its end, and leaves nothing behind', async () => {
  const { id } = await submit('# fake: print hello')
  const answer = await server.app.inject({ method: 'POST', url: '/v1/backup', headers: authorization })
  expect(answer.statusCode).toBe(200)
  const archive = join(folder.path, 'backup.tar')
  const to = await open(archive, 'w')
  await pipeline(Readable.from([answer.rawPayload]), createZstdDecompress(), to.createWriteStream())
  const names: string[] = []
  await list({ file: archive, onReadEntry: ({ path }) => names.push(path) })
  expect(names.at(-1)).toBe('COMPLETE')
  const home = join(folder.path, 'home')
  await mkdir(home)
  await extract({ file: archive, cwd: home })
  await using restored = await opened(home)
  expect(await logOf(restored, id)).toBe('hello\n')
  expect(await readdir(join(server.home, 'uploads'))).toEqual([])
})

test('what cannot be made is not there at all', async () => {
  const path = join(folder.path, 'copy')
  await expect(backUp({ home: folder.path, path, signal })).rejects.toMatchObject({ code: 'not_found' })
  await writeFile(
    join(folder.path, 'vulcan.db'),
    'this is no database, whatever its name says, and long enough to be read',
  )
  await expect(backUp({ home: folder.path, path, signal })).rejects.toMatchObject({ code: 'store_failed' })
  await rm(join(folder.path, 'vulcan.db'))
  await submit('# fake: print x')
  const stopped = AbortSignal.abort(new Error('stopped'))
  for (const to of [path, `${path}.tar.zst`]) {
    await expect(backUp({ home: server.home, path: to, signal: stopped })).rejects.toThrow('stopped')
  }
  expect(await readdir(folder.path)).toEqual([])
})

/** A server in a process of its own that is killed at any moment, while much is handed in. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Client } from '../src/api/client.ts'
import { hasEnded, type WorkloadSummary } from '../src/api/workload.ts'

const main = resolve(import.meta.dirname, '..', 'src', 'main.ts')

async function serve(home: string) {
  const kept = { VULCAN_RETENTION_COUNT: '100000', VULCAN_LIMITS_PENDING: '100000' }
  const settings = { VULCAN_HOME: home, VULCAN_BACKEND: 'fake', VULCAN_SERVER_PORT: '0', VULCAN_READY_FD: '3' }
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { PATH: process.env['PATH'], ...settings, ...kept },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (data: Buffer) => (said += data.toString()))
  const closed = once(child, 'close')
  await Promise.race([once(child.stdio[3] as Readable, 'data'), closed])
  if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${said}`)
  const { url } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { url: string }
  const key = (await readFile(join(home, 'key'), 'utf8')).trim()
  const end = async (signal: 'SIGKILL' | 'SIGINT') => {
    child.kill(signal)
    await closed
  }
  return { api: new Client({ url, key, reconnects: 0 }), end, [Symbol.asyncDispose]: () => end('SIGINT') }
}

async function allOf(api: Client): Promise<WorkloadSummary[]> {
  const all: WorkloadSummary[] = []
  for (let cursor: string | undefined; ;) {
    const page = await api.list({ limit: '1000', ...(cursor !== undefined && { cursor }) })
    all.push(...page.workloads)
    cursor = page.next_cursor
    if (cursor === undefined) return all
  }
}

/** When each server is killed, in milliseconds after its first workload was taken in. */
const kills = Array.from({ length: 3 }, () => Math.floor(Math.random() * 200))

test(`a server that is killed loses none that it took in, invents none, and the next one ends them all (${kills.join()})`, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-killed-'))
  const sent = new Set<string>()
  const taken = new Map<string, string>()
  for (const ms of kills) {
    const server = await serve(folder.path)
    const first = Promise.withResolvers<void>()
    const hand = async () => {
      // Until it is gone.
      for (;;) {
        const n = String(sent.size)
        sent.add(n)
        // Some run when the end comes, some have ended, and the rest waits.
        const code = `# fake: sleep ${Number(n) % 3 === 0 ? 30 : 0}`
        const request = { runtime: 'python', code, labels: { n }, idempotency_key: n }
        const { id } = await server.api.submit(request).catch(() => ({ id: undefined }))
        if (id === undefined) return
        taken.set(n, id)
        first.resolve()
      }
    }
    const hands = Array.from({ length: 8 }, hand)
    await Promise.race([first.promise, Promise.all(hands)])
    await sleep(ms)
    await server.end('SIGKILL')
    await Promise.all(hands)
  }
  expect(taken.size).toBeGreaterThanOrEqual(kills.length)

  await using last = await serve(folder.path)
  const known = new Map((await allOf(last.api)).map(({ id, labels }) => [id, labels['n']]))
  for (const [n, id] of taken) expect(known.get(id)).toBe(n)
  // One that was on its way may be there; twice is none of them.
  const labels = [...known.values()]
  expect(labels.filter((n) => n === undefined || !sent.has(n))).toEqual([])
  expect(new Set(labels).size).toBe(labels.length)
  for (const id of known.keys()) for await (const { event } of last.api.logs(id)) if (event === 'end') break
  for (const { id, status, exit } of await allOf(last.api)) {
    expect(hasEnded(status), id).toBe(true)
    // What ran when its server was killed went with it, as this backend plays its programs there.
    expect(['program', 'vm_lost']).toContain(exit?.by)
  }
}, 300_000)

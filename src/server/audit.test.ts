import { mkdir, mkdtempDisposable, readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AuditLog } from './audit.ts'
import type { Call } from './facts.ts'

const call = (n: number): Call => ({
  at: Date.UTC(2030, 0, 1) + n,
  request: `r${n}`,
  key: { id: 'k', name: 'line\nbreak' },
  address: '127.0.0.1',
  method: 'POST',
  route: '/v1/workloads',
  subject: 'w',
  status: 202,
})

const unexpected = (error: unknown) => expect.unreachable(String(error))

async function folder() {
  return mkdtempDisposable(join(tmpdir(), 'vulcan-audit-'))
}

const linesIn = async (path: string): Promise<Record<string, unknown>[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('a line for each call, readable by its owner alone, there as soon as it was made, and the next process goes on', async () => {
  await using home = await folder()
  const path = join(home.path, 'audit.log')
  for (const from of [0, 100]) {
    using audit = new AuditLog({ path, fileBytes: 1 << 20, files: 2, log: unexpected })
    for (let n = from; n < from + 100; n += 1) audit.write(call(n))
    expect(await linesIn(path)).toHaveLength(from + 100)
  }
  const lines = await linesIn(path)
  expect(lines.map(({ request }) => request)).toEqual(Array.from({ length: 200 }, (_, n) => `r${n}`))
  expect(lines[0]).toEqual({
    time: '2030-01-01T00:00:00.000Z',
    request: 'r0',
    key: 'k',
    key_name: 'line\nbreak',
    address: '127.0.0.1',
    method: 'POST',
    route: '/v1/workloads',
    subject: 'w',
    status: 202,
  })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('files have a size and a number; the oldest lines go', async () => {
  await using home = await folder()
  const path = join(home.path, 'audit.log')
  using audit = new AuditLog({ path, fileBytes: 1000, files: 3, log: unexpected })
  for (let n = 0; n < 50; n += 1) audit.write(call(n))
  const names = (await readdir(home.path)).sort()
  expect(names).toEqual(['audit.log', 'audit.log.1', 'audit.log.2'])
  for (const name of names) expect((await stat(join(home.path, name))).size).toBeLessThanOrEqual(1000)
  const kept = (await Promise.all(names.reverse().map((name) => linesIn(join(home.path, name))))).flat()
  expect(kept.map(({ request }) => request)).toEqual(
    Array.from({ length: kept.length }, (_, n) => `r${50 - kept.length + n}`),
  )
})

test('what cannot be written is said, and disturbs nobody', async () => {
  await using home = await folder()
  const path = join(home.path, 'audit.log')
  await mkdir(path)
  const said: unknown[] = []
  using audit = new AuditLog({ path, fileBytes: 1000, files: 2, log: (error) => said.push(error) })
  audit.write(call(1))
  expect(String(said[0])).toContain('audit.log: a line could not be written')
})

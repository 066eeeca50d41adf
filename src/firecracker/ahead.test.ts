/** A page that a process has mapped privately, with a file behind it, is copied for it from outside: on this host's own kernel. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { copiedBy, copiedIn, copyAhead, keepPages, keptPages, type Pages, runsOf } from './ahead.ts'

const call = promisify(execFile)
const pagesOf = (runs: readonly Pages[]) =>
  new Set(runs.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i)))

/** A process that waits for its input, and has written to few of the data in its program's file. */
async function waiting() {
  const file = await realpath(join((await call('go', ['env', 'GOROOT'])).stdout.trim(), 'bin', 'gofmt'))
  const child = spawn(file)
  await once(child, 'spawn')
  const stat = () => readFile(`/proc/${child.pid}/stat`, 'utf8')
  const isIn = (state: string) => vi.waitUntil(async () => (await stat()).includes(`) ${state} `), { timeout: 20_000 })
  return { pid: child.pid ?? 0, file, child, isIn, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

test('a process has copies of what it would have written to, and does what it would have done', async () => {
  using one = await waiting()
  await one.isIn('S')
  one.child.kill('SIGSTOP')
  await one.isIn('T')
  const before = await copiedBy(one.pid, one.file)
  const pages = pagesOf(before)
  const all: Pages[] = Array.from({ length: Math.max(...pages) + 1 }, (_, page) => [page, 1])
  await copyAhead(one.pid, one.file, all)
  const after = pagesOf(await copiedBy(one.pid, one.file))
  expect(after.size).toBeGreaterThan(pages.size)
  expect(after.isSupersetOf(pages)).toBe(true)
  one.child.kill('SIGCONT')
  one.child.stdin.end('package  a')
  expect(await text(one.child.stdout)).toBe('package a\n')
})

test('pages that are not there, or are the file’s own, are no copies', () => {
  const flags = [0x80, 0xa0, 0x00, 0x81, 0x20]
  expect(copiedIn(Buffer.concat(flags.map((flag) => Buffer.from([0, 0, 0, 0, 0, 0, 0, flag]))))).toEqual([0, 3])
})

test('pages go together where little is between them, and not for ever', () => {
  expect(runsOf([])).toEqual([])
  expect(runsOf([1, 2, 5, 9, 10])).toEqual([
    [1, 5],
    [9, 2],
  ])
  expect(runsOf(Array.from({ length: 130 }, (_, page) => page))).toEqual([
    [0, 64],
    [64, 64],
    [128, 2],
  ])
})

test('pages of which nothing is kept are none', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-ahead-'))
  const path = join(folder.path, 'written')
  expect(await keptPages(path)).toEqual([])
  await keepPages(path, [[3, 2]])
  expect(await keptPages(path)).toEqual([[3, 2]])
})

/** What a browser loads of the dashboard before it shows something, measured in what is built. */
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../src/base/process.ts'

const root = resolve(import.meta.dirname, '..')
const folder = join(root, 'dist', 'test-dashboard')

interface Chunk {
  readonly file: string
  readonly css?: readonly string[]
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
  readonly isEntry?: boolean
}

let manifest: Readonly<Record<string, Chunk>>
beforeAll(async () => {
  // A process of its own, without the environment of a test: React is another one in there.
  const { NODE_ENV: _test, ...env } = process.env as Record<string, string>
  const config = join(root, 'dashboard', 'vite.config.ts')
  const argv = [
    join(root, 'node_modules', '.bin', 'vite'),
    'build',
    '--config',
    config,
    '--outDir',
    folder,
    '--manifest',
  ]
  await run(argv as [string, ...string[]], { cwd: root, env, timeoutMs: 60_000 })
  manifest = JSON.parse(await readFile(join(folder, '.vite', 'manifest.json'), 'utf8')) as typeof manifest
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Keys of that chunk and of all that it imports at once. */
function loadedWith(key: string, known = new Set<string>()): Set<string> {
  if (known.has(key)) return known
  known.add(key)
  for (const next of manifest[key]?.imports ?? []) loadedWith(next, known)
  return known
}

async function kib(files: Iterable<string>): Promise<number> {
  const sizes = await Promise.all([...files].map(async (file) => gzipSync(await readFile(join(folder, file))).length))
  return sizes.reduce((sum, size) => sum + size, 0) / 1024
}

const entry = (): string => Object.keys(manifest).find((key) => manifest[key]?.isEntry)!
const scripts = (keys: Iterable<string>) => new Set([...keys].flatMap((key) => manifest[key]?.file ?? []))
const styles = (keys: Iterable<string>) => new Set([...keys].flatMap((key) => manifest[key]?.css ?? []))

test('the first page is at most 250 KB of JavaScript and 45 of styles, gzipped, without editor and charts', async () => {
  expect(manifest['submit/page.tsx']).toBeDefined()
  const first = loadedWith('submit/page.tsx', loadedWith(entry()))
  expect(await kib(scripts(first))).toBeLessThan(250)
  expect(await kib(styles(first))).toBeLessThan(45)
  expect([...first].filter((key) => /editor|chart|files/.test(key))).toEqual([])
})

test('no part that is loaded later is more than 200 KB', async () => {
  const first = loadedWith(entry())
  for (const key of Object.keys(manifest)) {
    const own = [...loadedWith(key)].filter((other) => !first.has(other))
    expect(await kib(scripts(own)), key).toBeLessThan(200)
  }
})

test('the page loads nothing from elsewhere and has no script of its own inside', async () => {
  const page = await readFile(join(folder, 'index.html'), 'utf8')
  expect(page).not.toMatch(/(src|href)="https?:/)
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)/)
  expect(page).toContain('__NONCE__')
})

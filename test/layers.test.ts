/** Imports point down: which room may import which, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Each room to the rooms it may import, itself aside. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  api: [],
  base: [],
  settings: [],
  config: ['settings', 'api', 'base'],
  backend: ['api', 'base'],
  images: ['api', 'base'],
  machine: ['api', 'base'],
  firecracker: ['backend', 'images', 'api', 'base'],
  store: ['api', 'base'],
  bus: ['api', 'base'],
  scheduler: ['backend', 'store', 'api', 'base'],
  server: ['scheduler', 'store', 'bus', 'backend', 'api', 'base'],
  cli: ['config', 'settings', 'machine', 'images', 'api', 'base'],
  main: ['serve', 'cli', 'firecracker', 'server', 'api', 'base'],
  serve: [
    'cli',
    'config',
    'server',
    'scheduler',
    'store',
    'bus',
    'firecracker',
    'backend',
    'machine',
    'images',
    'api',
    'base',
  ],
}

const src = resolve(import.meta.dirname, '..', 'src')
const roomOf = (path: string): string => (relative(src, path).split('/')[0] ?? '').replace(/(\.test)?\.ts$/, '')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(src, file))

function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\b[^'"]*?from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm,
  )
  return [...found].map(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? '')
}

test('every room is in the table', () => {
  expect(new Set(files.map(roomOf)).difference(new Set(Object.keys(allowed)))).toEqual(new Set())
})

test('imports point down', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => path.startsWith('.'))
      .map((path) => roomOf(resolve(dirname(file), path)))
      .filter((room) => room !== roomOf(file) && !allowed[roomOf(file)]?.includes(room))
      .map((room) => `${relative(src, file)} imports ${room}`),
  )
  expect(wrong).toEqual([])
})

test('the dashboard imports src/api and nothing else of ours', () => {
  const room = resolve(src, '..', 'dashboard')
  const pages = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
  const wrong = pages.flatMap((file) =>
    importsOf(join(room, file))
      .filter((path) => path.startsWith('.'))
      .map((path) => resolve(dirname(join(room, file)), path))
      .filter((path) => !path.startsWith(`${room}/`) && !path.startsWith(join(src, 'api/')))
      .map((path) => `${file} imports ${relative(src, path)}`),
  )
  expect(pages.length).toBeGreaterThan(10)
  expect(wrong).toEqual([])
})

test('api is pure: no module of Node, so that it runs in a browser', () => {
  const wrong = files.filter((file) => roomOf(file) === 'api' && !file.endsWith('.test.ts'))
  expect(wrong.flatMap(importsOf).filter((path) => path.startsWith('node:'))).toEqual([])
})

/** Code that only tests use may look at the environment of the test run. */
const forTests = new Set(['firecracker/network/floor.ts', 'firecracker/network/lab.ts'])

test('only config.ts reads the environment', () => {
  const readers = files.filter(
    (file) => !file.endsWith('.test.ts') && /\bprocess\.env\b/.test(readFileSync(file, 'utf8')),
  )
  const names = readers.map((file) => relative(src, file)).filter((name) => !forTests.has(name))
  expect(names.sort()).toEqual(['config.ts'])
})

test('there are no barrel files', () => {
  expect(files.filter((file) => file.endsWith('/index.ts'))).toEqual([])
})

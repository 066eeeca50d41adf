/** Where the page says that a program begins, the server begins it: two rules, as a page imports nothing of the server. */
import { expect, test } from 'vitest'
import { archiveFrom, commonFolder } from '../dashboard/submit/archive.ts'
import { entryOf, type Entry } from '../dashboard/submit/entrypoint.ts'
import { VulcanError } from '../src/api/errors.ts'
import { runtimeNamed, type Runtime } from '../src/api/runtimes.ts'
import { entrypointOf } from '../src/scheduler/archive/entrypoint.ts'

const main = 'package main'
const samples: readonly (readonly [Runtime['name'], Readonly<Record<string, string>>])[] = [
  ['python', { 'main.py': '', 'app.py': '' }],
  ['python', { 'app.py': '', 'b.py': '' }],
  ['python', { 'only.py': '', 'lib/a.py': '', 'README.md': '' }],
  ['python', { 'one.py': '', 'two.py': '' }],
  ['python', { 'lib/a.py': '', 'README.md': '' }],
  ['python', { 'shop/main.py': '', 'shop/lib/a.py': '' }],
  ['python', { 'shop/lib/main.py': '' }],
  ['python', { 'shop/main.py': '', 'other/main.py': '' }],
  ['node', { 'index.js': '', 'package.json': '{"main": "./src/begin"}', 'src/begin.js': '' }],
  ['node', { 'index.js': '', 'package.json': '{"main": "src/"}', 'src/index.js': '' }],
  ['node', { 'index.js': '', 'package.json': '{"main": "gone.js"}' }],
  ['node', { 'index.js': '', 'package.json': '{"main": ""}' }],
  ['node', { 'index.js': '', 'package.json': 'null' }],
  ['node', { 'index.js': '', 'package.json': '{' }],
  ['node', { 'main.mjs': '', 'index.ts': '', 'lib/package.json': '{"main": "a.js"}' }],
  ['go', { 'main.go': main, 'main_test.go': main, 'vendor/x/main.go': main, 'go.mod': '' }],
  ['go', { 'cmd/shop/main.go': main, 'go.mod': '' }],
  ['go', { 'main_test.go': main }],
]

type Files = Readonly<Record<string, string>>

/** Where the server begins; `chosen` where it refuses to. */
function asServer(files: Files, runtime: Runtime['name']): Entry {
  const entries = Object.entries(files).map(([path, content]) => ({ path, kind: 'file' as const, bytes: 0, content }))
  try {
    return { at: entrypointOf(entries, runtimeNamed(runtime)!) }
  } catch (error) {
    expect(error).toBeInstanceOf(VulcanError)
    return 'chosen'
  }
}

test.each(samples)('%s: %j', async (runtime, files) => {
  const sent = asServer(files, runtime)
  expect([sent, 'found']).toContainEqual(entryOf({ paths: Object.keys(files) }, runtime))
  // What the page packs itself it knows from inside, and packs without the folder that all lies in.
  const packed = await archiveFrom(Object.entries(files).map(([path, text]) => ({ path, file: new Blob([text]) })))
  const strip = commonFolder(Object.keys(files)).length
  const stripped = Object.fromEntries(Object.entries(files).map(([path, text]) => [path.slice(strip), text]))
  expect(entryOf(packed, runtime)).toEqual(asServer(stripped, runtime))
})

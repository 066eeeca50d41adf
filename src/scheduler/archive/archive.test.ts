import { execFileSync } from 'node:child_process'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { VulcanError } from '../../api/errors.ts'
import { runtimeNamed } from '../../api/runtimes.ts'
import { entrypointOf, isMainPackage } from './entrypoint.ts'
import { codeOf, look, tarOf, type TarEntry, zipOf } from './testing.ts'

describe('formats', () => {
  const entries: TarEntry[] = [
    { path: './', type: '5' },
    { path: './main.py', content: 'x' },
    { path: './a/b.py', content: 'y' },
  ]
  test.each([
    ['tar', tarOf(entries)],
    ['tar.gz', gzipSync(tarOf(entries))],
    ['tar.zst', zstdCompressSync(tarOf(entries))],
    [
      'zip',
      zipOf([
        { name: 'main.py', content: 'x' },
        { name: 'a/b.py', content: 'y' },
      ]),
    ],
  ])('%s is known by its bytes and listed', async (format, bytes) => {
    const found = await look(bytes)
    expect(found.format).toBe(format)
    expect(
      found.entries
        .map(({ path }) => path)
        .filter(Boolean)
        .sort(),
    ).toEqual(['a/b.py', 'main.py'])
  })

  test('long names are whole', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'vulcan-archive-'))
    const name = `${'n'.repeat(180)}.py`
    writeFileSync(join(folder.path, name), 'x')
    const bytes = execFileSync('tar', ['-C', folder.path, '-cf', '-', name])
    expect((await look(bytes)).entries[0]?.path).toBe(name)
  })

  test('what is no archive, is cut short or is damaged is corrupt', async () => {
    const gz = gzipSync(tarOf([{ path: 'main.py', content: 'x'.repeat(9000) }]))
    const damaged = Buffer.from(gz)
    damaged[30] = (damaged[30] ?? 0) ^ 0xff
    const zip = zipOf([{ name: 'main.py', content: 'x' }])
    const tar = tarOf([{ path: 'main.py', content: 'x'.repeat(2000) }])
    const badSum = Buffer.from(tar)
    badSum[0] = 0x7a
    for (const bytes of [
      Buffer.from('hello'),
      gz.subarray(0, -20),
      damaged,
      zip.subarray(0, -10),
      tar.subarray(0, 1024),
      badSum,
    ]) {
      expect(await codeOf(look(bytes))).toMatch(/^archive_corrupt/)
    }
  })
})

describe('hostile entries are refused by name', () => {
  test.each<[string, TarEntry]>([
    ['absolute', { path: '/etc/passwd', content: 'x' }],
    ['out of the tree', { path: 'a/../../b', content: 'x' }],
    ['dot-dot alone', { path: '..', type: '5' }],
    ['symlink to an absolute path', { path: 'link', type: '2', target: '/etc' }],
    ['symlink out of the tree', { path: 'a/link', type: '2', target: '../../x' }],
    ['hard link out of the tree', { path: 'hard', type: '1', target: '../x' }],
    ['device', { path: 'null', type: '3' }],
    ['pipe', { path: 'pipe', type: '6' }],
  ])('tar: %s', async (_, entry) => {
    const said = await codeOf(look(tarOf([{ path: 'main.py', content: 'x' }, entry])))
    expect(said).toMatch(/^archive_unsafe/)
    expect(said).toContain(JSON.stringify(entry.path))
  })

  test.each([
    ['absolute', { name: '/abs.py' }],
    ['out of the tree', { name: '../up.py' }],
    ['symlink out of the tree', { name: 'link', content: '/etc/passwd', mode: 0o120777 }],
    ['pipe', { name: 'pipe', mode: 0o010644 }],
  ])('zip: %s', async (_, entry) => {
    expect(await codeOf(look(zipOf([{ name: 'main.py', content: 'x' }, entry])))).toMatch(/^archive_unsafe/)
  })

  const long = 'n'.repeat(256)
  test.each([
    ['a name', [{ name: `${long}.py` }]],
    ['a path', [{ name: `${'folder/'.repeat(600)}x.py` }]],
    ['a link', [{ name: 'link', content: long, mode: 0o120777 }]],
  ])('%s longer than a file system takes, and the error is not as long', async (_, entries) => {
    const said = await codeOf(look(zipOf(entries)))
    expect(said).toMatch(/^archive_unsafe: .*longer than a file system takes/)
    expect(said.length).toBeLessThan(500)
  })

  test('a name of a megabyte, as extended headers can have it, is never a name', async () => {
    const path = 'x'.repeat(900_000)
    const record = (length: number) => `${length} path=${path}\n`
    const content = record(record(0).length - 1 + String(record(0).length + 5).length)
    const archive = tarOf([
      { path: 'pax', type: 'x', content },
      { path: 'main.py', content: 'x' },
    ])
    expect(await codeOf(look(archive, { maxBytes: 4 << 20 }))).toMatch(/^archive_unsafe: .{0,400}longer/)
  })

  test('links that stay inside are fine', async () => {
    const entries: TarEntry[] = [
      { path: 'a/b', type: '2', target: '../main.py' },
      { path: 'c', type: '1', target: 'main.py' },
      { path: 'main.py', content: 'x' },
    ]
    expect((await look(tarOf(entries))).entries).toHaveLength(3)
  })

  test('too many entries and too many bytes', async () => {
    const many = Array.from({ length: 101 }, (_, i) => ({ path: `f${i}`, content: '' }))
    expect(await codeOf(look(tarOf(many)))).toMatch(/^archive_too_large: .*100 entries/)
    const bomb = gzipSync(tarOf([{ path: 'zeros', content: '0'.repeat(4 << 20) }]))
    expect(await codeOf(look(bomb))).toMatch(/^archive_too_large/)
    expect(await codeOf(look(zipOf([{ name: 'zeros', content: '0'.repeat(4 << 20) }])))).toMatch(/^archive_too_large/)
  })
})

describe('entry points', () => {
  async function entry(runtime: string, files: Record<string, string>, asked?: string): Promise<string> {
    const { entries } = await look(tarOf(Object.entries(files).map(([path, content]) => ({ path, content }))))
    try {
      return entrypointOf(entries, runtimeNamed(runtime)!, asked)
    } catch (error) {
      return `${(error as VulcanError).code}: ${(error as VulcanError).message}`
    }
  }
  const main = 'package main\nfunc main() {}\n'

  test('python: the named ones in order, a lone file, a folder that holds all', async () => {
    expect(await entry('python', { 'app.py': '', 'main.py': '', 'x.py': '' })).toBe('main.py')
    expect(await entry('python', { '__main__.py': '', 'app.py': '' })).toBe('__main__.py')
    expect(await entry('python', { 'tool.py': '', 'lib/a.py': '' })).toBe('tool.py')
    expect(await entry('python', { 'project/main.py': '', 'project/README': '' })).toBe('project/main.py')
    expect(await entry('python', { 'a.py': '', 'b.py': '' })).toMatch(/^entrypoint_ambiguous: .*a\.py, b\.py/)
    expect(await entry('python', { 'notes.txt': '' })).toMatch(/^entrypoint_missing: .*main\.py.*notes\.txt/)
  })

  test('node: package.json first, then the named ones', async () => {
    expect(await entry('node', { 'package.json': '{"main":"./src/x"}', 'src/x.js': '', 'index.js': '' })).toBe(
      'src/x.js',
    )
    expect(await entry('node', { 'package.json': '{"main":"lib"}', 'lib/index.js': '' })).toBe('lib/index.js')
    expect(await entry('node', { 'package.json': '{}', 'index.js': '', 'main.js': '' })).toBe('index.js')
    expect(await entry('node', { 'package.json': '{"main":"gone.js"}', 'index.js': '' })).toMatch(
      /^entrypoint_missing: .*gone\.js/,
    )
    expect(await entry('node', { 'package.json': '{', 'index.js': '' })).toMatch(/^archive_corrupt: .*package\.json/)
  })

  test('go: the folder with the main package, several are ambiguous', async () => {
    expect(await entry('go', { 'main.go': main, 'x_test.go': main, 'lib/l.go': 'package lib' })).toBe('.')
    expect(await entry('go', { 'cmd/tool/t.go': main, 'l.go': 'package l', 'vendor/v/v.go': main })).toBe('cmd/tool')
    expect(await entry('go', { 'a/m.go': main, 'b/m.go': main })).toMatch(/^entrypoint_ambiguous: .*a, b/)
    expect(await entry('go', { 'l.go': 'package l' })).toMatch(/^entrypoint_missing/)
    expect(await entry('go', { 'a/m.go': main, 'b/m.go': main }, 'b')).toBe('b')
  })

  test('one that is asked for has to be there', async () => {
    expect(await entry('python', { 'a.py': '', 'b/c.py': '' }, './b/c.py')).toBe('b/c.py')
    expect(await entry('python', { 'a.py': '', 'b/c.py': '' }, 'b')).toMatch(/^entrypoint_missing: .*folder/)
    expect(await entry('python', { 'a.py': '' }, 'z.py')).toMatch(/^entrypoint_missing: .*z\.py.*a\.py/)
  })

  test('a Go main package is told from comments and other packages', () => {
    expect(isMainPackage('// package lib\n/* package lib */\npackage main')).toBe(true)
    expect(isMainPackage('// package main\npackage lib')).toBe(false)
    expect(isMainPackage('//go:build ignore\n\npackage main')).toBe(false)
    expect(isMainPackage('package mainly')).toBe(false)
  })
})

import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Collector, contentLimit } from './entries.ts'
import { isMainPackage } from './entrypoint.ts'
import { codeOf, look, tarOf, zipOf } from './testing.ts'

describe('what an archive costs the host', () => {
  const source = (content: string) => ({ path: 'a.go', kind: 'file', bytes: 0, content }) as const

  test('a hundred thousand beginnings of files are not all kept', () => {
    const collector = new Collector({ maxEntries: 100_000, maxBytes: 1 << 40 })
    const content = 'x'.repeat(contentLimit)
    for (let n = 0; n < 1000; n += 1) collector.add(source(content))
    const kept = collector.entries.reduce((sum, entry) => sum + (entry.content?.length ?? 0), 0)
    expect(kept).toBeLessThanOrEqual(64 << 20)
    expect(collector.entries).toHaveLength(1000)
  })

  test('comments that are never closed are looked through once', () => {
    const begun = performance.now()
    for (const text of ['/* ', '/*/', '// ', '//\n', '\n', '/**/']) {
      expect(isMainPackage(text.repeat(contentLimit / text.length)), text).toBe(false)
    }
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  test('a name that comes twice is listed twice, and which is meant is the guest’s to say: it takes the last', async () => {
    const twice = tarOf([
      { path: 'main.py', content: 'x' },
      { path: './main.py', content: 'y' },
    ])
    expect((await look(twice)).entries.map(({ path }) => path)).toEqual(['main.py', 'main.py'])
  })

  test('headers without end, of files that hold nothing, end with the bound of entries', async () => {
    const many = tarOf(Array.from({ length: 5000 }, (_, n) => ({ path: `${n}`, type: n % 2 ? '5' : '0' })))
    expect(await codeOf(look(gzipSync(many), { maxBytes: 1 << 30 }))).toMatch(/^archive_too_large: .*100 entries/)
  })

  test('a size that is told and not there, and a zip whose end tells more entries than it has, are corrupt', async () => {
    const lying = tarOf([{ path: 'main.py', content: 'x' }])
    lying.write('77777777777\0', 124)
    lying.write(' '.repeat(8), 148)
    const sum = lying.subarray(0, 512).reduce((total, byte) => total + byte, 0)
    lying.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    expect(await codeOf(look(lying))).toMatch(/^archive_corrupt/)
    const zip = zipOf([{ name: 'main.py', content: 'x' }])
    for (const at of [8, 10]) zip.writeUInt16LE(60_000, zip.length - 22 + at)
    expect(await codeOf(look(zip))).toMatch(/^archive_corrupt/)
  })
})

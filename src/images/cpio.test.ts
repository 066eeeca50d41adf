import { expect, test } from 'vitest'
import { cpio, type CpioEntry } from './cpio.ts'

interface Read {
  path: string
  mode: string
  nlink: number
  device: string
  data: string
}

/** Reads an archive back, by the format's own description and not by the writer's code. */
function read(archive: Buffer): Read[] {
  const members: Read[] = []
  for (let at = 0; ;) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701')
    expect(at % 4).toBe(0)
    const field = (index: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16)
    const nameEnd = at + 110 + field(11)
    const path = archive.toString('utf8', at + 110, nameEnd - 1)
    const data = Math.ceil(nameEnd / 4) * 4
    if (path === 'TRAILER!!!') return members
    const device = `${field(9)}:${field(10)}`
    const content = archive.toString('utf8', data, data + field(6))
    members.push({ path, mode: field(1).toString(8), nlink: field(4), device, data: content })
    at = Math.ceil((data + field(6)) / 4) * 4
  }
}

const entries: readonly CpioEntry[] = [
  { kind: 'folder', path: 'dev', mode: 0o755 },
  { kind: 'characters', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  { kind: 'file', path: 'init', mode: 0o755, data: Buffer.from('odd') },
  { kind: 'file', path: 'empty', mode: 0o644, data: Buffer.alloc(0) },
  { kind: 'link', path: 'sbin', target: 'usr/sbin' },
]

test('every kind of entry comes back with its type, mode, device and content', () => {
  expect(read(cpio(entries))).toEqual([
    { path: 'dev', mode: '40755', nlink: 2, device: '0:0', data: '' },
    { path: 'dev/console', mode: '20600', nlink: 1, device: '5:1', data: '' },
    { path: 'init', mode: '100755', nlink: 1, device: '0:0', data: 'odd' },
    { path: 'empty', mode: '100644', nlink: 1, device: '0:0', data: '' },
    { path: 'sbin', mode: '120777', nlink: 1, device: '0:0', data: 'usr/sbin' },
  ])
})

test('the same entries give the same bytes, in whole blocks', () => {
  expect(cpio(entries).equals(cpio(entries))).toBe(true)
  expect(cpio(entries).length % 512).toBe(0)
})

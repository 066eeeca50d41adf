/** Documents and code say the same. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { errorTable } from '../src/api/errors.ts'

const root = resolve(import.meta.dirname, '..')
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'SPECIFICATION.md',
  'LIMITATIONS.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
]
const read = (name: string) => readFileSync(join(root, name), 'utf8')

test.each(documents)('%s is there and its links lead somewhere', (name) => {
  const text = read(name)
  expect(text.length).toBeGreaterThan(100)
  const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link as string)
  expect(links.filter((link) => !link.startsWith('http') && !existsSync(join(root, link)))).toEqual([])
})

test('every promise of SPECIFICATION.md names tests that are there', () => {
  const rows = read('SPECIFICATION.md')
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
  expect(rows.length).toBeGreaterThan(10)
  for (const row of rows) {
    const held = [...(row.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
    expect(held.length, row).toBeGreaterThan(0)
    expect(
      held.filter((path) => !existsSync(join(root, path))),
      row,
    ).toEqual([])
  }
})

test('ARCHITECTURE.md names files that are there', () => {
  const paths = [...read('ARCHITECTURE.md').matchAll(/`((?:src|native|images|test|tools)\/[\w./-]+)`/g)]
  expect(paths.map(([, path]) => path as string).filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('every error of the table has a sentence, a status and somebody at fault', () => {
  for (const [code, row] of Object.entries(errorTable)) {
    expect(code).toMatch(/^[a-z_]+$/)
    expect(row.title).toMatch(/^[A-Z].{10,}/)
    expect(row.status >= 500, code).toBe(row.fault !== 'caller')
  }
})

test('SPECIFICATION.md lists the errors as the table has them', () => {
  const rows = read('SPECIFICATION.md')
    .split('\n')
    .filter((line) => /^\| `[a-z_]+` \|/.test(line))
  const table = Object.entries(errorTable).map(
    ([code, { status, fault, retry, title }]) =>
      `| \`${code}\` | ${status} | ${fault} | ${retry ? 'yes' : 'no'} | ${title} |`,
  )
  expect(rows).toEqual(table)
})

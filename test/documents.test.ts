/** Documents and code say the same. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { errorTable } from '../src/api/errors.ts'
import { leftOutNames } from '../src/api/leftout.ts'
import { always } from '../src/cli/always.ts'
import { hardeningOf } from '../src/cli/hardening.ts'
import { hardened } from '../src/cli/testing.ts'
import { variableOf } from '../src/config.ts'
import { settings } from '../src/settings.ts'

const root = resolve(import.meta.dirname, '..')
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'SPECIFICATION.md',
  'LIMITATIONS.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'deploy/README.md',
]
const read = (name: string) => readFileSync(join(root, name), 'utf8')

test.each(documents)('%s is there and its links lead somewhere', (name) => {
  const text = read(name)
  expect(text.length).toBeGreaterThan(100)
  const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link as string)
  expect(links.filter((link) => !link.startsWith('http') && !existsSync(join(root, link)))).toEqual([])
})

test.each(documents)('every file of ours that %s names is there', (name) => {
  const named = [...read(name).matchAll(/`((?:src|test|bench|native|tools|dashboard|deploy)\/[\w./-]+\.\w+)`/g)]
  expect(named.map(([, path]) => path as string).filter((path) => !existsSync(join(root, path)))).toEqual([])
})

/** The third column of each row names files, all of which are there. */
function expectTests(rows: readonly string[]): void {
  for (const row of rows) {
    const held = [...(row.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
    expect(held.length, row).toBeGreaterThan(0)
    expect(
      held.filter((path) => !existsSync(join(root, path))),
      row,
    ).toEqual([])
  }
}

test('every promise of SPECIFICATION.md names tests that are there', () => {
  const rows = read('SPECIFICATION.md')
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
  expect(rows.length).toBeGreaterThan(10)
  expectTests(rows)
})

/** Whether a file, or one in a folder, has a test, a group of tests or a Go function of that title. */
function hasTest(path: string, title: string): boolean {
  const whole = join(root, path)
  const files = statSync(whole).isDirectory() ? readdirSync(whole).map((name) => join(path, name)) : [path]
  const begun = [`'${title}'`, `\`${title}\``, `func ${title}(`]
  return files.some((file) => begun.some((words) => read(file).includes(words)))
}

test('every wall of SECURITY.md names tests that are there, by file and title', () => {
  const rows = read('SECURITY.md')
    .split('\n')
    .filter((line) => /^\|.*\|.*\|.*“.*\|$/.test(line))
  expect(rows.length).toBeGreaterThan(25)
  expectTests(rows)
  const tables = read('SECURITY.md')
    .split(/^\| (?:against|what) \|.*\|\n\| --- .*\n/m)
    .slice(1)
  const walls = tables.flatMap((text) => text.split('\n\n')[0]?.trim().split('\n') ?? [])
  expect(walls.toSorted(), 'rows without a title').toEqual(rows.toSorted())
  for (const row of rows) {
    const held = (row.split('|')[3] ?? '').trim()
    const named = [...held.matchAll(/`([^`]+)` “([^”]+)”/g)].map(([, path, title]) => [path, title] as [string, string])
    expect(named.map(([path, title]) => `\`${path}\` “${title}”`).join(', '), row).toBe(held)
    expect(named.filter(([path, title]) => !hasTest(path, title))).toEqual([])
  }
})

test('the map of README.md has every room', () => {
  const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((found) => found.isDirectory())
  const map = read('README.md').split('## Map of the rooms')[1] ?? ''
  expect(rooms.map(({ name }) => name).filter((name) => !map.includes(`\`src/${name}\``))).toEqual([])
})

test('README.md says what of a folder is left out', () => {
  for (const name of leftOutNames) expect(read('README.md')).toContain(`\`${name}\``)
})

test('the seam of ARCHITECTURE.md has every method of a backend', () => {
  const [, body = ''] = /^export interface Backend [^{]*\{$([^]*?)^\}$/m.exec(read('src/backend/backend.ts')) ?? []
  const methods = [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name as string)
  expect(methods.length).toBeGreaterThan(5)
  const seam = read('ARCHITECTURE.md').split('## The seam')[1] ?? ''
  expect(methods.filter((name) => !seam.includes(`\`${name}\``))).toEqual([])
})

test('LICENSE is the text of the license that package.json names, whole and unchanged', () => {
  expect((JSON.parse(read('package.json')) as { license: string }).license).toBe('Apache-2.0')
  const digest = createHash('sha256').update(read('LICENSE')).digest('hex')
  expect(digest).toBe('c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4')
})

test('ARCHITECTURE.md names files that are there', () => {
  const paths = [...read('ARCHITECTURE.md').matchAll(/`((?:src|native|images|test|tools)\/[\w./-]+)`/g)]
  expect(paths.map(([, path]) => path as string).filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('deploy/README.md explains every row of advice that doctor may give on a host, and every one that always holds', () => {
  const rows = [...read('deploy/README.md').matchAll(/^\| ([^|]+?) +\|/gm)].map(([, name]) => name)
  const named = [...hardeningOf(hardened, { kernel: '6.1', firecracker: undefined }), ...always].map(({ name }) => name)
  expect(named.filter((name) => !rows.includes(name))).toEqual([])
})

test('the systemd unit gives settings that there are', () => {
  const given = [...read('deploy/systemd/vulcan.service').matchAll(/^Environment=(VULCAN_\w+)=(.*)$/gm)]
  const byVariable = new Map(Object.entries(settings).map(([name, setting]) => [variableOf(name), setting]))
  expect(given.map(([, variable]) => variable)).toEqual(['VULCAN_HOME', 'VULCAN_CGROUP'])
  for (const [, variable = '', value = ''] of given) expect(byVariable.get(variable)?.read(value)).toBe(value)
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

/** Where an archive's program begins. Pure: from the list of entries to one path, or an error naming the candidates. */
import { VulcanError } from '../../api/errors.ts'
import { runtimeOfFile, type Runtime } from '../../api/runtimes.ts'
import { normal, type ArchiveEntry } from './entries.ts'

/** The entry point that was asked for, checked, or the one that is found. A Go entry point may be a folder. */
export function entrypointOf(entries: readonly ArchiveEntry[], runtime: Runtime, asked?: string): string {
  if (asked !== undefined) return checkAsked(entries, runtime, asked)
  return runtime.name === 'go' ? findGo(entries) : findByName(entries, runtime)
}

function checkAsked(entries: readonly ArchiveEntry[], runtime: Runtime, asked: string): string {
  const path = normal(asked)
  const isFile = entries.some((entry) => entry.path === path && entry.kind !== 'directory')
  const isFolder = path === '' || entries.some((entry) => entry.path.startsWith(`${path}/`))
  if (isFile || (runtime.name === 'go' && isFolder)) return path === '' ? '.' : path
  const there = isFolder ? 'is a folder' : 'is not in the archive'
  throw new VulcanError('entrypoint_missing', `the entry point ${JSON.stringify(asked)} ${there}${listing(entries)}`, {
    field: '/entrypoint',
  })
}

function findByName(entries: readonly ArchiveEntry[], runtime: Runtime): string {
  const top = topFolder(entries)
  const files = entries.filter((entry) => entry.kind !== 'directory' && entry.path.startsWith(top))
  const has = (path: string) => files.some((file) => file.path === path)
  const main = runtime.name === 'node' ? packageMain(files, top) : undefined
  if (main !== undefined) {
    const found = [main, `${main}.js`, `${main}/index.js`].find((path) => has(path))
    if (found !== undefined) return found
    throw new VulcanError('entrypoint_missing', `package.json names ${main} as main, which is not in the archive`, {
      field: '/entrypoint',
    })
  }
  const named = runtime.entrypoints.find((name) => has(top + name))
  if (named !== undefined) return top + named
  const sources = files
    .map((file) => file.path)
    .filter((path) => runtimeOfFile(path)?.name === runtime.name && !path.slice(top.length).includes('/'))
  if (sources.length === 1) return sources[0] as string
  if (sources.length > 1) return ambiguous(sources)
  throw new VulcanError(
    'entrypoint_missing',
    `the archive has none of ${runtime.entrypoints.join(', ')} at its top${listing(entries)}`,
    { field: '/entrypoint', hint: 'name the file as entrypoint' },
  )
}

/** Folders that Go's own tools leave out. */
const ignoredByGo = /(^|\/)(_|\.|vendor\/|testdata\/)/

function findGo(entries: readonly ArchiveEntry[]): string {
  const folders = new Set<string>()
  for (const { path, content } of entries) {
    if (!path.endsWith('.go') || path.endsWith('_test.go') || ignoredByGo.test(path)) continue
    if (isMainPackage(content ?? '')) folders.add(path.split('/').slice(0, -1).join('/') || '.')
  }
  const found = [...folders].sort()
  if (found.length === 1) return found[0] as string
  if (found.length > 1) return ambiguous(found)
  throw new VulcanError('entrypoint_missing', `the archive has no folder with a Go main package${listing(entries)}`, {
    field: '/entrypoint',
  })
}

/** Whether a Go file says `package main`, comments left aside, and is not one the build ignores. */
export function isMainPackage(source: string): boolean {
  if (/^\/\/go:build\s+ignore\b/m.test(source)) return false
  return /^package\s+main\b/.test(afterComments(source))
}

/** Where a source's first word is. Each character is looked at once: a pattern would look for the end of each comment anew. */
function afterComments(source: string): string {
  const ends: readonly (readonly [begin: string, end: string])[] = [
    ['//', '\n'],
    ['/*', '*/'],
  ]
  const word = /[^\s\uFEFF]/g
  for (;;) {
    const at = word.test(source) ? word.lastIndex - 1 : source.length
    const [begin, end] = ends.find(([begin]) => source.startsWith(begin, at)) ?? []
    if (begin === undefined || end === undefined) return source.slice(at, at + 200)
    const closed = source.indexOf(end, at + begin.length)
    if (closed < 0) return ''
    word.lastIndex = closed + end.length
  }
}

function packageMain(files: readonly ArchiveEntry[], top: string): string | undefined {
  const content = files.find((file) => file.path === `${top}package.json`)?.content
  if (content === undefined) return undefined
  let main: unknown
  try {
    main = (JSON.parse(content) as { main?: unknown } | null)?.main
  } catch (cause) {
    throw new VulcanError('archive_corrupt', 'package.json in the archive is not JSON', { cause })
  }
  return typeof main === 'string' && main !== '' ? normal(top + main) : undefined
}

/** Many archives hold one folder with everything in it; then that is where to look. `''` or `name/`. */
function topFolder(entries: readonly ArchiveEntry[]): string {
  const tops = new Set(entries.filter((entry) => entry.path !== '').map((entry) => entry.path.split('/')[0] as string))
  const [only] = tops
  return tops.size === 1 && entries.some((entry) => entry.path.startsWith(`${only}/`)) ? `${only}/` : ''
}

function ambiguous(candidates: readonly string[]): never {
  const shown = candidates.slice(0, 10).join(', ') + (candidates.length > 10 ? ', …' : '')
  throw new VulcanError('entrypoint_ambiguous', `the archive has more than one entry point: ${shown}`, {
    field: '/entrypoint',
    hint: 'name one as entrypoint',
  })
}

function listing(entries: readonly ArchiveEntry[]): string {
  const files = entries.filter((entry) => entry.kind !== 'directory').map((entry) => entry.path)
  if (files.length === 0) return '; it is empty'
  return `; it holds ${files.slice(0, 10).join(', ')}${files.length > 10 ? ` and ${files.length - 10} more` : ''}`
}

/** Where a program begins in files that name no entry point, by the server's rule as far as a page knows the files. Pure. */
import { runtimeNamed } from '../../src/api/runtimes.ts'
import type { Archive } from './archive.ts'
import type { RuntimeName } from './starters.ts'

/** At a path, which is a folder for Go; `chosen`: somebody must; `found`: the server will, as it looks into more than names. */
export type Entry = { readonly at: string } | 'chosen' | 'found'

export function entryOf({ paths, manifest }: Pick<Archive, 'paths' | 'manifest'>, runtime: RuntimeName): Entry {
  if (paths === undefined) return 'found'
  if (runtime === 'go') return inGo(paths)
  const top = topFolder(paths)
  if (runtime === 'node' && paths.includes(`${top}package.json`)) {
    if (manifest === undefined) return 'found'
    const main = mainOf(manifest)
    if (main !== undefined) return one([main, `${main}.js`, `${main}/index.js`].filter((path) => paths.includes(path)))
  }
  return inScripts(paths, runtime, top)
}

function inScripts(paths: readonly string[], runtime: RuntimeName, top: string): Entry {
  const { entrypoints = [], endings = [] } = runtimeNamed(runtime) ?? {}
  const known = entrypoints.map((name) => top + name).find((path) => paths.includes(path))
  if (known !== undefined) return { at: known }
  const sources = paths.filter(
    (path) =>
      path.startsWith(top) && !path.slice(top.length).includes('/') && endings.some((end) => path.endsWith(end)),
  )
  return sources.length === 1 ? one(sources) : 'chosen'
}

/** Of several folders with sources, which one is a program is said in them. */
function inGo(paths: readonly string[]): Entry {
  const sources = paths.filter(
    (path) => path.endsWith('.go') && !path.endsWith('_test.go') && !/(^|\/)(_|\.|vendor\/|testdata\/)/.test(path),
  )
  const folders = [...new Set(sources.map((path) => path.split('/').slice(0, -1).join('/') || '.'))]
  return folders.length > 1 ? 'found' : one(folders)
}

const one = ([at]: readonly string[]): Entry => (at === undefined ? 'chosen' : { at })

/** The one folder that everything lies in, with its slash; empty where there is none. */
function topFolder(paths: readonly string[]): string {
  const [first = ''] = paths
  const top = first.slice(0, first.indexOf('/') + 1)
  return paths.every((path) => path.startsWith(top)) ? top : ''
}

/** What a package.json names as its main file; empty, which no file is called, where it cannot be read. */
function mainOf(manifest: string): string | undefined {
  try {
    const main = (JSON.parse(manifest) as { main?: unknown } | null)?.main
    return typeof main === 'string' && main !== '' ? main.replace(/^(\.?\/)+/, '').replace(/\/+$/, '') : undefined
  } catch {
    return ''
  }
}

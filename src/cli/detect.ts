/** Which runtime a folder or an archive is for, by the names in it. Pure. */
import { runtimeOfFile } from '../api/runtimes.ts'
import { UsageError } from './context.ts'

const tellTales: readonly [RegExp, string][] = [
  [/^package\.json$/, 'node'],
  [/^go\.mod$/, 'go'],
  [/^(requirements\.txt|pyproject\.toml|__main__\.py)$/, 'python'],
]

/** Files that say it outright come first, then the endings at the top, then all endings. Throws UsageError when unsure. */
export function runtimeOfNames(where: string, names: readonly string[]): string {
  const paths = strip(
    names.map((name) => name.replace(/^\.\//, '')).filter((name) => name !== '' && !name.endsWith('/')),
  )
  const top = paths.filter((path) => !path.includes('/'))
  const outright = top.flatMap((path) =>
    tellTales.filter(([pattern]) => pattern.test(path)).map(([, runtime]) => runtime),
  )
  for (const found of [outright, runtimesOf(top), runtimesOf(paths)]) {
    const distinct = [...new Set(found)]
    if (distinct.length === 1) return distinct[0] as string
    if (distinct.length > 1) throw new UsageError(`${where}: could be ${distinct.join(' or ')}; say --runtime`)
  }
  throw new UsageError(`${where}: holds no program of a known runtime; say --runtime`)
}

const runtimesOf = (paths: readonly string[]): string[] =>
  paths.flatMap((path) => {
    const name = runtimeOfFile(path)?.name
    return name ? [name] : []
  })

/** Many archives hold one folder with everything in it. */
function strip(paths: readonly string[]): string[] {
  const tops = new Set(paths.map((path) => path.split('/')[0]))
  const inside = tops.size === 1 && paths.every((path) => path.includes('/'))
  return inside ? paths.map((path) => path.slice(path.indexOf('/') + 1)) : [...paths]
}

/** Paths as folders in folders. Pure. */

export interface Folder {
  readonly name: string
  readonly folders: readonly Folder[]
  /** Whole paths. */
  readonly files: readonly string[]
}

/** Folders and files in the order of their names. */
export function folderOf(paths: readonly string[], name = ''): Folder {
  const depth = name === '' ? 0 : name.length + 1
  const files: string[] = []
  const inner = new Map<string, string[]>()
  for (const path of paths) {
    const slash = path.indexOf('/', depth)
    if (slash < 0) files.push(path)
    else {
      const folder = path.slice(0, slash)
      inner.set(folder, [...(inner.get(folder) ?? []), path])
    }
  }
  const folders = [...inner].sort(([a], [b]) => (a < b ? -1 : 1)).map(([folder, some]) => folderOf(some, folder))
  return { name, folders, files: files.sort() }
}

export const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

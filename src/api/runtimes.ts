/** What Vulcan knows of its runtimes without an image at hand: which files are theirs and where programs begin. */

export interface Runtime {
  readonly name: 'python' | 'node' | 'go'
  /** Endings of source files that mean this runtime. */
  readonly endings: readonly string[]
  /** Name given to a single file of code. */
  readonly mainFile: string
  /** Files at an archive's top that are an entry point, in order of preference. */
  readonly entrypoints: readonly string[]
  readonly defaultMemMib: number
}

export const runtimes: readonly Runtime[] = [
  {
    name: 'python',
    endings: ['.py'],
    mainFile: 'main.py',
    entrypoints: ['main.py', '__main__.py', 'app.py'],
    defaultMemMib: 256,
  },
  {
    name: 'node',
    endings: ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'],
    mainFile: 'main.js',
    entrypoints: ['index.js', 'main.js', 'index.mjs', 'main.mjs', 'index.ts', 'main.ts'],
    defaultMemMib: 256,
  },
  { name: 'go', endings: ['.go'], mainFile: 'main.go', entrypoints: [], defaultMemMib: 1024 },
]

/** The runtime of that name, if Vulcan has it. */
export function runtimeNamed(name: string): Runtime | undefined {
  return runtimes.find((runtime) => runtime.name === name)
}

/** The runtime a file name's ending means, if any. */
export function runtimeOfFile(path: string): Runtime | undefined {
  return runtimes.find((runtime) => runtime.endings.some((ending) => path.endsWith(ending)))
}

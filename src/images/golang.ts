/** Go programs built here: the CNI plugins at their pinned version, and our own for guests and machine. */
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { sha256 } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { CommandFailed, run } from '../base/process.ts'
import { withEnv } from './host.ts'
import { persist } from './persist.ts'
import type { Workplace } from './shelf.ts'
import { walk } from './walk.ts'

const buildTimeoutMs = 600_000
/** Static, without paths of this host in it, without symbol tables: a third smaller. */
const buildFlags = ['-trimpath', '-ldflags', '-s -w']
/**
 * What no further attempt mends: Go names the package, behind a #, before what its compiler says; and one that is too old
 * to fetch another says that of the module.
 */
const forGood = /^# |go\.mod requires go|invalid go version/m
/** `auto`: a Go older than what a module asks for fetches that one through its module proxy. */
const goEnv = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOFLAGS: '-mod=readonly', GOWORK: 'off' }
/** The first that fetches a newer one where it is asked for: Go 1.x of this x. */
export const oldestGo = 21

/** The folders of native/ that hold a main package, and the name of its binary. */
export const ownPrograms = {
  guest: 'vulcan-guest',
  tap: 'vulcan-tap',
  machine: 'vulcan-machine',
  spawner: 'vulcan-spawner',
} as const

export type OwnProgram = keyof typeof ownPrograms

/** Builds one of our own programs from native/ into `dir`. */
export async function buildOwn(at: Workplace, program: OwnProgram, dir: string): Promise<void> {
  await build(at, [`./${program}`], join(dir, ownPrograms[program]))
}

/** Builds programs of others, by their packages, into `dir`: those of the versions, and with the checksums, of native/. */
export async function buildOthers(at: Workplace, packages: readonly string[], dir: string): Promise<void> {
  await build(at, packages, `${dir}/`)
}

/** Sha256 over what pins the modules of others. */
export async function modulesDigest(root: string): Promise<string> {
  const pins = ['go.mod', 'go.sum'].map((name) => readFile(join(root, 'native', name), 'utf8'))
  return sha256((await Promise.all(pins)).join('\n'))
}

/** What only tests run, as a folder of native/. */
const testsProgram = 'probe'

/** Sha256 over the sources below native/ of what an asset is made of: every Go file but the tests, go.mod and go.sum. */
export async function sourcesDigest(root: string): Promise<string> {
  const native = join(root, 'native')
  const paths: string[] = []
  for await (const { path } of walk(native)) {
    if (path.startsWith(`${join(native, testsProgram)}/`)) continue
    if (/(?<!_test)\.go$|\/go\.(mod|sum)$/.test(path)) paths.push(path)
  }
  paths.sort()
  const lines: string[] = []
  for (const path of paths) lines.push(`${relative(native, path)} ${sha256(await readFile(path))}`)
  return sha256(lines.join('\n'))
}

async function build(at: Workplace, packages: readonly string[], to: string): Promise<void> {
  // One after the other: builds side by side would each compile the standard library that they could share.
  await using _held = await lock('vulcan-go', { signal: at.signal })
  try {
    const argv = withEnv(goEnv, ['go', 'build', ...buildFlags, '-o', to, ...packages])
    const once = () => run(argv, { cwd: join(at.root, 'native'), signal: at.signal, timeoutMs: buildTimeoutMs })
    await persist(at, once, { hopeful: ({ stderr }) => !forGood.test(stderr) })
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('asset_unavailable', `go build failed: ${cause.message}`, {
      step: 'go',
      hint: `Go 1.${oldestGo} or newer has to be on PATH, and its module proxy reachable`,
      cause,
    })
  }
}

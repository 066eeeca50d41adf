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
const goEnv = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto', GOFLAGS: '-mod=mod', GOWORK: 'off' }
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

/** `go install` of packages of one module version, into `dir`. The user's Go proxy and checksum database hold. */
export async function installGo(
  at: Workplace,
  what: { module: string; version: string; packages: readonly string[] },
  dir: string,
): Promise<void> {
  const pins = what.packages.map((path) => `${what.module}/${path}@v${what.version}`)
  await go(at, { args: ['install', ...buildFlags, ...pins], cwd: '/', env: { ...goEnv, GOBIN: dir } })
}

/** Builds one of our own programs from native/ into `dir`. */
export async function buildOwn(at: Workplace, program: OwnProgram, dir: string): Promise<void> {
  const args = ['build', ...buildFlags, '-o', join(dir, ownPrograms[program]), `./${program}`]
  await go(at, { args, cwd: join(at.root, 'native'), env: { ...goEnv, GOFLAGS: '-mod=readonly' } })
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

async function go(
  at: Workplace,
  command: { args: readonly string[]; cwd: string; env: Readonly<Record<string, string>> },
): Promise<void> {
  // One after the other: builds side by side would each compile the standard library that they could share.
  await using _held = await lock('vulcan-go', { signal: at.signal })
  try {
    const argv = withEnv(command.env, ['go', ...command.args])
    const build = () => run(argv, { cwd: command.cwd, signal: at.signal, timeoutMs: buildTimeoutMs })
    await persist(at, build, { hopeful: ({ stderr }) => !forGood.test(stderr) })
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('asset_unavailable', `go ${command.args[0]} failed: ${cause.message}`, {
      step: 'go',
      hint: `Go 1.${oldestGo} or newer has to be on PATH, and its module proxy reachable`,
      cause,
    })
  }
}

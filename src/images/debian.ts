/**
 * Debian packages of another suite than the host's, without changing the host's configuration: a private apt
 * configuration under $VULCAN_HOME/apt, with the mirror and the proxies that the host's own apt uses.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VulcanError } from '../api/errors.ts'
import { isMissing, writeAtomic } from '../base/files.ts'
import { lock } from '../base/lock.ts'
import { CommandFailed, run, type CommandResult } from '../base/process.ts'
import { withEnv } from './host.ts'
import { persist } from './persist.ts'
import type { Workplace } from './shelf.ts'

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const downloadTimeoutMs = 600_000
/** Package lists younger than this are used as they are. */
const listsMaxAgeMs = 6 * 3600_000

/** Where the host gets Debian from. */
export interface Mirror {
  readonly main: string
  /** The security archive, where the host uses one. */
  readonly security?: string
}

/** A private view of one suite (and its security updates). */
export interface Archive {
  /** Path for APT_CONFIG. */
  readonly config: string
  /** Lines for a sources.list. */
  readonly sources: readonly string[]
  /** Folder of the package lists, current when the archive was opened. */
  readonly lists: string
}

export interface ArchiveOptions {
  /** Debian suites, such as `trixie`; `trixie` brings its security updates with it. */
  readonly suites: readonly string[]
  /** True to see the host's installed packages, for installing on it. */
  readonly forHost?: boolean
}

/** The mirror in the host's apt configuration. Throws host_unfit on a host without one. */
export async function findMirror(): Promise<Mirror> {
  const release = await osRelease()
  const targets = await run(['apt-get', 'indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'], { timeoutMs: 30_000 }) // prettier-ignore
  const mirror = chooseMirror(targets.stdout, release.VERSION_CODENAME ?? '')
  if (mirror && release.ID === 'debian') return mirror
  throw new VulcanError('host_unfit', `apt's configuration names no Debian mirror (this is ${release.PRETTY_NAME})`, {
    step: 'debian mirror',
    hint: 'Vulcan makes its images on Debian 12 or 13, from the mirror in /etc/apt/sources.list.d',
  })
}

/** Picks mirror and security archive from lines of "URI release component". */
export function chooseMirror(targets: string, codename: string): Mirror | undefined {
  const rows = targets.split('\n').map((line) => line.trim().split(' '))
  const uri = (release: string) =>
    rows.find(([uri, name, component]) => name === release && component === 'main' && !uri?.startsWith('cdrom:'))?.[0]
  const main = uri(codename) ?? uri('stable') ?? uri('testing') ?? uri('sid')
  const security = uri(`${codename}-security`) ?? uri('stable-security')
  return main === undefined ? undefined : { main, ...(security === undefined ? {} : { security }) }
}

/** Lines of a sources.list for these suites. */
export function sourceLines(mirror: Mirror, suites: readonly string[]): string[] {
  const options = `[signed-by=${keyring} target=Packages arch=amd64]`
  return suites.flatMap((suite) => {
    const stable = !suite.includes('-')
    return [
      `deb ${options} ${mirror.main} ${suite} main`,
      ...(stable && mirror.security ? [`deb ${options} ${mirror.security} ${suite}-security main`] : []),
    ]
  })
}

/** Opens an archive: writes its configuration and brings its package lists up to date when they are old. */
export async function openArchive(at: Workplace, options: ArchiveOptions): Promise<Archive> {
  const name = options.suites.join('+')
  const root = join(at.home, 'apt', name)
  const sources = sourceLines(await findMirror(), options.suites)
  const archive: Archive = { config: join(root, 'apt.conf'), sources, lists: join(root, 'lists') }
  await using _held = await lock(root, { signal: at.signal })
  for (const folder of ['lists/partial', 'cache/archives/partial']) await mkdir(join(root, folder), { recursive: true })
  await writeAtomic(join(root, 'sources.list'), `${sources.join('\n')}\n`)
  await writeFile(join(root, 'status'), '')
  await writeAtomic(archive.config, configuration(root, options.forHost ?? false))
  const stamp = join(root, 'updated')
  if ((await ageMs(stamp)) > listsMaxAgeMs) {
    await at.progress.step(`reading Debian's package lists (${name})`, () => apt(at, archive, ['apt-get', 'update']))
    await writeFile(stamp, '')
  }
  return archive
}

/** The newest version of a package in the archive. */
export async function newestVersion(at: Workplace, archive: Archive, name: string): Promise<string> {
  const shown = await apt(at, archive, ['apt-cache', 'show', '--no-all-versions', name])
  const version = /^Version: (\S+)$/m.exec(shown.stdout)?.[1]
  if (version) return version
  throw new VulcanError('asset_unavailable', `Debian's package ${name} was not found`, { step: 'debian package' })
}

/** The first package that a meta package depends on, such as the kernel behind `linux-image-amd64`. */
export async function dependencyOf(at: Workplace, archive: Archive, meta: string): Promise<string> {
  const shown = await apt(at, archive, ['apt-cache', 'show', '--no-all-versions', meta])
  const name = /^Depends: ([^\s,(]+)/m.exec(shown.stdout)?.[1]
  if (name) return name
  throw new VulcanError('asset_unavailable', `Debian's ${meta} names no package`, { step: 'debian package' })
}

/** Downloads a package and unpacks its files below `dir`; nothing is installed, no script of it runs. */
export async function unpackPackage(
  at: Workplace,
  archive: Archive,
  what: { name: string; dir: string },
): Promise<void> {
  const folder = join(what.dir, '.download')
  await mkdir(folder, { recursive: true })
  // apt downloads into the working directory, hence env's --chdir.
  await apt(at, archive, ['env', '--chdir', folder, 'apt-get', 'download', what.name])
  const file = (await readdir(folder)).find((entry) => entry.endsWith('.deb'))
  if (!file) throw new VulcanError('asset_unavailable', `apt-get download ${what.name} left no file`)
  try {
    await run(['dpkg-deb', '-x', join(folder, file), what.dir], { signal: at.signal, timeoutMs: 120_000 })
  } catch (cause) {
    throw new VulcanError('asset_corrupt', `the package ${what.name} cannot be unpacked: ${String(cause)}`, { cause })
  }
  await rm(folder, { recursive: true })
}

async function apt(at: Workplace, archive: Archive, argv: readonly string[]): Promise<CommandResult> {
  try {
    const command = withEnv({ APT_CONFIG: archive.config, LC_ALL: 'C.UTF-8' }, argv)
    return await persist(at, () => run(command, { cwd: '/', signal: at.signal, timeoutMs: downloadTimeoutMs }))
  } catch (cause) {
    if (!(cause instanceof CommandFailed) || cause.why === 'aborted') throw cause
    throw new VulcanError('asset_unavailable', `${argv.join(' ')} failed: ${cause.message}`, {
      step: 'debian archive',
      hint: 'see that this host can reach the mirror in its apt configuration',
      cause,
    })
  }
}

/** apt still reads /etc/apt/apt.conf.d first, so proxies and certificates of the host hold. */
function configuration(root: string, forHost: boolean): string {
  const lines = [
    `Dir::Etc::SourceList "${root}/sources.list";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `Dir::State::Lists "${root}/lists";`,
    `Dir::Cache "${root}/cache";`,
    'Acquire::Languages "none";',
    'APT::Sandbox::User "root";',
    'APT::Update::Error-Mode "any";',
  ]
  if (!forHost) lines.push(`Dir::State::Status "${root}/status";`, `Dir::State "${root}";`)
  return `${lines.join('\n')}\n`
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch (error) {
    if (isMissing(error)) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** The fields of /etc/os-release. */
export async function osRelease(): Promise<Record<string, string>> {
  const text = await readFile('/etc/os-release', 'utf8')
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line)
      return match?.[1] === undefined ? [] : [[match[1], match[2] ?? '']]
    }),
  )
}

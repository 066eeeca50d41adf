import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'rolldown'
import { external, output } from '../rolldown.config.ts'
import { lock } from '../src/base/lock.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { say } from './commandline.ts'

/** What only real processes show: servers that start and end, signals, pipes, shells. The rest: commands.test.ts, listings.test.ts. */
const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'test-dist')
const program = join(dist, 'vulcan.js')
let folder: string
beforeAll(async () => {
  await build({
    input: join(root, 'src', 'main.ts'),
    platform: 'node',
    external,
    output: { ...output, dir: dist },
    logLevel: 'silent',
  })
  folder = await mkdtemp(join(tmpdir(), 'vulcan-cli-'))
  await mkdir(join(folder, 'home'))
  await writeFile(join(folder, 'home', 'vulcan.toml'), 'backend = "fake"\n[server]\nport = 0\n')
  await writeFile(
    join(folder, 'a.py'),
    '# fake: print out\n# fake: error err\n# fake: stdin\n# fake: result 42\n# fake: exit 7',
  )
  await writeFile(join(folder, 'slow.py'), '# fake: print up\n# fake: sleep 600000')
  await writeFile(join(folder, 'vulcan'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
  await chmod(join(folder, 'vulcan'), 0o755)
}, 60_000)
afterAll(async () => {
  await aside('down')
  await rm(folder, { recursive: true })
  await rm(dist, { recursive: true })
})

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(argv: readonly [string, ...string[]]) {
  const env = { ...process.env, VULCAN_HOME: join(folder, 'home'), NODE_COMPILE_CACHE: join(folder, 'compiled') }
  return spawn(argv[0], argv.slice(1), { cwd: folder, env })
}

function vulcan(words: readonly string[], input = ''): Promise<Said> {
  const child = start([process.execPath, program, ...words])
  child.stdin.end(input)
  return said(child)
}

async function said(child: ChildProcess): Promise<Said> {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (data: Buffer) => (said.out += data.toString()))
  child.stderr?.on('data', (data: Buffer) => (said.err += data.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

/** Beside what is tested: a command in this process, which costs less. */
const aside = (...words: string[]) => say(['--home', join(folder, 'home'), ...words], {})

const running = async (): Promise<{ id: string }[]> => {
  const { out } = await aside('ls', '--status', 'running', '--json')
  return (JSON.parse(out) as { workloads: { id: string }[] }).workloads
}

/** A run that was asked to end takes a moment to: its log goes on until then, and for ever where nobody asked. */
const allEnded = async (): Promise<void> => {
  for (const { id } of await running()) await aside('logs', '-f', id)
  expect(await running()).toEqual([])
}

test('run starts a server by itself, passes all three streams on, tells the result, exits as the program did', async () => {
  const first = await vulcan(['run', 'a.py', '--stdin', '-'], 'typed')
  expect(first).toMatchObject({ code: 7, out: 'out\ntyped' })
  expect(first.err).toContain('err\n')
  expect(first.err).toContain('vulcan: result: 42')
  expect((await vulcan(['run', 'a.py'])).err).not.toContain('starting the server')
  const { mode } = await stat(join(folder, 'home', 'key'))
  expect(mode & 0o777).toBe(0o600)
})

test('Ctrl-C kills the run and exits with 130', async () => {
  const child = start([process.execPath, program, 'run', 'slow.py'])
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect((await said(child)).code).toBe(130)
  expect(await running()).toEqual([])
})

test('Ctrl-C ends logs -f with 130 and leaves the run alone', async () => {
  const id = (await vulcan(['run', '--detach', 'slow.py'])).out.trim()
  const child = start([process.execPath, program, 'logs', '-f', id])
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await said(child)).toMatchObject({ code: 130, err: '' })
  expect(await running()).toMatchObject([{ id }])
  await aside('kill', id)
})

test('a reader that goes away ends the run without a word', async () => {
  await writeFile(join(folder, 'flood.py'), '# fake: flood 5000000\n# fake: sleep 600000')
  const child = start([process.execPath, program, 'run', 'flood.py'])
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await said(child)).toMatchObject({ code: 141, err: '' })
  await allEnded()
})

test('a bash that has sourced the completion completes commands, values, ids and files, and runs nothing it reads', async () => {
  const id = (await vulcan(['run', '--detach', 'slow.py'])).out.trim()
  const bash = start(['bash', '--norc', '--noprofile'])
  // What bash itself does on Tab: cuts the line at its word breaks, calls the function, reads COMPREPLY.
  bash.stdin.end(`
    source <(./vulcan completion bash)
    compopt() { echo "compopt $*"; }
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _vulcan; echo "\${COMPREPLY[*]}"; }
    try ./vulcan run --network = in
    try ./vulcan run '$(touch evil)' --net
    try ./vulcan kill ''
    try ./vulcan run slow
  `)
  const { out, err } = await said(bash)
  expect(err).toBe('')
  expect(out.split('\n').filter((line) => line !== 'compopt -o nosort')).toEqual([
    'internet',
    '--network',
    id,
    'compopt -o default',
    '',
    '',
  ])
  await expect(stat(join(folder, 'evil'))).rejects.toMatchObject({ code: 'ENOENT' })
  await aside('kill', id)
})

test('a server that was killed is replaced', async () => {
  await vulcan(['up'])
  const { pid } = JSON.parse(await readFile(join(folder, 'home', 'server.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  expect(await vulcan(['run', 'a.py'])).toMatchObject({ code: 7, out: 'out\n' })
})

test('a server with other settings stays until up is said; then one has those that are given now', async () => {
  const serverPid = async () =>
    (JSON.parse(await readFile(join(folder, 'home', 'server.json'), 'utf8')) as { pid: number }).pid
  const longer = ['--set', 'limits.timeout_s=7200']
  await vulcan(['up'])
  const pid = await serverPid()
  const config = await vulcan(['config', ...longer])
  expect(config.err).toContain('limits.timeout_s = 7200 is not what the server has, which was started with 3600')
  expect(config.err).toContain('vulcan up')
  const run = await vulcan(['run', ...longer, '--timeout', '7200', 'a.py'])
  expect(run.code).toBe(2)
  expect(run.err).toContain(
    'vulcan: limits.timeout_s = 7200 is not what the server has, which was started with 3600; vulcan up gives it these\n',
  )
  expect(await serverPid()).toBe(pid)
  await vulcan(['up', ...longer])
  expect(await serverPid()).not.toBe(pid)
  const other = await vulcan(['run', ...longer, '--timeout', '7200', 'a.py'])
  expect(other.code).toBe(7)
  expect(other.err).not.toContain('limits.timeout_s')
  expect((await vulcan(['config', ...longer])).err).toBe('')
})

test('a server of the same instance, at another home, waits for the end of the first: it would take its vms for leftovers', async () => {
  const instance = `t${randomBytes(4).toString('hex')}`
  await using _first = await lock(`instance ${instance}`)
  const home = ['--home', join(folder, 'second'), '--backend', 'firecracker', '--set', `instance=${instance}`]
  const second = start([process.execPath, program, ...home, 'serve'])
  const words = said(second)
  await once(second.stderr, 'data')
  second.kill('SIGINT')
  expect((await words).err).toContain(`another server of the instance ${instance} is running; waiting for its end`)
})

test('gc removes assets that others have superseded, and keeps what is in use', async () => {
  const entry = async (name: string, key: string) => {
    const at = join(folder, 'home', 'assets', `${name}-${key}`)
    await mkdir(at, { recursive: true })
    await writeFile(join(at, 'COMPLETE'), JSON.stringify({ name, key, inputs: key, files: {}, details: {} }))
    return at
  }
  await vulcan(['up'])
  const [held, old] = [await entry('tool', '1'), await entry('tool', '0')]
  await writeFile(join(folder, 'home', 'assets', 'current.json'), '{"tool":"tool-1"}')
  const superseded = [{ shelf: 'assets', name: 'tool', folder: 'tool-0' }]
  expect(JSON.parse((await aside('gc', '--dry-run', '--json')).out)).toMatchObject({ superseded })
  expect((await aside('gc')).out).toMatch(/^removed 1 superseded folder \(.* MiB\)\n {2}assets\/tool-0 /)
  await expect(stat(old)).rejects.toMatchObject({ code: 'ENOENT' })
  expect((await stat(held)).isDirectory()).toBe(true)
})

test('up says where, down stops it, and then there is nothing', async () => {
  expect((await vulcan(['up'])).err).toMatch(/listens at http:\/\/127\.0\.0\.1:\d+ \(on this host\)/)
  expect(await aside('gc', '--dry-run')).toMatchObject({ code: 0, out: 'would remove nothing\n' })
  expect((await vulcan(['down'])).err).toContain('has stopped')
  const gc = await aside('gc')
  expect(gc).toMatchObject({ code: 0, out: 'removed nothing\n' })
  expect(gc.err).toContain('no server runs')
  expect(await aside('ls')).toMatchObject({ code: 125, err: expect.stringContaining('vulcan up') as string })
  expect(JSON.parse((await aside('down', '--json')).out)).toEqual({ server: false, machine: false })
  await expect(readFile(join(folder, 'home', 'server.json'))).rejects.toMatchObject({ code: 'ENOENT' })
})

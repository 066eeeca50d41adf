import { spawn } from 'node:child_process'
import { mkdtemp, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'rolldown'
import { external } from '../rolldown.config.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** The real command line, bundled, in processes of its own, on the fake backend. */
const root = resolve(import.meta.dirname, '..')
const program = join(root, 'dist', 'test-vulcan.js')
let folder: string
beforeAll(async () => {
  await build({
    input: join(root, 'src', 'main.ts'),
    platform: 'node',
    external,
    output: { file: program, format: 'esm' },
    logLevel: 'silent',
  })
  folder = await mkdtemp(join(tmpdir(), 'vulcan-cli-'))
  await mkdir(join(folder, 'home'))
  await writeFile(
    join(folder, 'home', 'vulcan.toml'),
    'backend = "fake"\n[server]\nport = 0\n[limits]\narchive_mb = 1\n',
  )
}, 60_000)
afterAll(async () => {
  await vulcan(['down'])
  await rm(folder, { recursive: true })
  await rm(program)
})

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(words: readonly string[]) {
  const env = { ...process.env, VULCAN_HOME: join(folder, 'home'), NODE_COMPILE_CACHE: join(folder, 'compiled') }
  return spawn(process.execPath, [program, ...words], { cwd: folder, env })
}

async function vulcan(words: readonly string[], input = ''): Promise<Said> {
  const child = start(words)
  const said = { out: '', err: '' }
  child.stdout.on('data', (data: Buffer) => (said.out += data.toString()))
  child.stderr.on('data', (data: Buffer) => (said.err += data.toString()))
  child.stdin.end(input)
  return new Promise((done) => child.once('close', (code) => done({ code, ...said })))
}

async function file(name: string, content: string | Buffer): Promise<string> {
  await mkdir(join(folder, name, '..'), { recursive: true })
  await writeFile(join(folder, name), content)
  return name
}

/** An entry on the shelf of assets; returns its folder. */
async function entry(name: string, key: string): Promise<string> {
  const marker = { name, key, inputs: key, files: {}, details: {} }
  const at = await file(join('home', 'assets', `${name}-${key}`, 'COMPLETE'), JSON.stringify(marker))
  return join(folder, at, '..')
}

describe('run', () => {
  test('starts a server by itself, shows both streams, tells the result, exits as the program did', async () => {
    const said = await vulcan([
      'run',
      await file('a.py', '# fake: print out\n# fake: error err\n# fake: result 42\n# fake: exit 7'),
    ])
    expect(said).toMatchObject({ code: 7, out: 'out\n' })
    expect(said.err).toContain('err\n')
    expect(said.err).toContain('vulcan: result: 42')
    const again = await vulcan(['run', 'a.py'])
    expect(again.err).not.toContain('starting the server')
    const { mode } = await stat(join(folder, 'home', 'key'))
    expect(mode & 0o777).toBe(0o600)
  })

  test.concurrent.each([
    ['timeout', '# fake: sleep 60000', ['--timeout', '0.2'], 124],
    ['out of memory', '# fake: oom', [], 137],
    ['killed by a signal of its own', '# fake: signal SIGSEGV', [], 139],
    ['lost', '# fake: vm_lost', [], 125],
    ['not started', '# fake: fail no kernel', [], 125],
    ['disk full', '# fake: disk_full', [], 1],
    ['too much output', '# fake: flood 80000000', [], 137],
  ])('%s', async (name, code, flags, status) => {
    const said = await vulcan(['run', ...flags, await file(`${name.replaceAll(' ', '-')}.py`, code)])
    expect(said.code, said.err.slice(-300)).toBe(status)
  })

  test('arguments, environment, input and standard input arrive', async () => {
    await file('env', '# a comment\nA=1\nB=two words\n')
    await file('in.json', '{"n":[1]}')
    const said = await vulcan([
      'run',
      await file('spec.js', '// fake: spec\n// fake: stdin'),
      '--env-file',
      'env',
      '--env',
      'B=x=y',
      '--input',
      '@in.json',
      '--',
      '--flag',
      'a b',
    ])
    expect(said.out).toBe('{"args":["--flag","a b"],"env":{"A":"1","B":"x=y"},"entrypoint":"spec.js"}{"n":[1]}')
    const typed = await vulcan(['run', 'spec.js', '--stdin', '-'], 'typed')
    expect(typed.out).toMatch(/typed$/)
    const code = await vulcan(['run', '-', '--runtime', 'go'], '// fake: print from stdin')
    expect(code.out).toBe('from stdin\n')
  })

  test('--json prints the record, --detach the id; logs, status, ls and kill know it', async () => {
    const record = JSON.parse((await vulcan(['run', '--json', 'a.py'])).out) as { stdout: string; exit: object }
    expect(record).toMatchObject({ stdout: 'out\n', exit: { by: 'program', code: 7 }, result: 42 })
    const id = (
      await vulcan(['run', '--detach', await file('slow.py', '# fake: print up\n# fake: sleep 600000')])
    ).out.trim()
    const following = vulcan(['logs', '-f', id])
    expect((await vulcan(['ls', '--status', 'running'])).out).toContain(id)
    expect((await vulcan(['kill', id])).code).toBe(0)
    expect(await following).toMatchObject({ code: 0, out: 'up\n' })
    expect((await vulcan(['status', id])).out).toMatch(/status +killed/)
    expect(await vulcan(['kill', id])).toMatchObject({
      code: 2,
      err: expect.stringContaining('already_ended') as string,
    })
    expect((await vulcan(['logs', id])).out).toBe('up\n')
  })

  test('Ctrl-C kills the run and exits with 130', async () => {
    const child = start(['run', 'slow.py'])
    await new Promise((up) => child.stdout.once('data', up))
    child.kill('SIGINT')
    expect(await new Promise((done) => child.once('close', done))).toBe(130)
    expect((await vulcan(['ls', '--status', 'running', '--json'])).out).toContain('"workloads": []')
  })

  test('a folder is packed without its history and run; a link out of it is refused', async () => {
    await file('shop/package.json', '{"main":"src/x.js"}')
    await file('shop/src/x.js', 'x')
    await file('shop/.git/HEAD', 'ref')
    expect(await vulcan(['run', 'shop'])).toMatchObject({ code: 0, out: 'tar.gz src/x.js\n' })
    await symlink('/etc/passwd', join(folder, 'shop', 'link'))
    expect(await vulcan(['run', 'shop'])).toMatchObject({ code: 2, err: expect.stringContaining('"./link"') as string })
  })
})

describe('wrong usage exits with 2, says what is wrong and starts nothing', () => {
  test.concurrent.each<[string, string[], string]>([
    ['unknown flag', ['run', '--nope', 'a.py'], '--nope'],
    ['unknown command', ['dance'], 'dance'],
    ['no file', ['run', 'missing.py'], 'missing.py: does not exist'],
    ['unknown ending', ['run', 'env'], 'env: its ending'],
    ['unknown runtime', ['run', 'a.py', '--runtime', 'cobol'], 'cobol'],
    ['a number that is none', ['run', 'a.py', '--mem', 'much'], 'much'],
    ['negative memory', ['run', 'a.py', '--mem', '-5'], '/resources/mem_mb'],
    ['a variable that is none', ['run', 'a.py', '--env', 'K'], '--env K'],
    ['input that is no JSON', ['run', 'a.py', '--input', '{'], '--input'],
    ['a network that is none', ['run', 'a.py', '--network', 'moon'], 'moon'],
    ['an allow entry that is none', ['run', 'a.py', '--allow', '1.2.3'], '1.2.3'],
    ['a setting that is none', ['run', 'a.py', '--set', 'colour=red'], 'colour'],
    ['standard input without a runtime', ['run', '-'], '--runtime'],
    ['a workload nobody knows', ['status', 'nobody'], 'nobody'],
  ])('%s', async (_, words, complaint) => {
    const said = await vulcan(words)
    expect(said).toMatchObject({ code: 2, out: '' })
    expect(said.err).toContain(complaint)
  })

  test('files that are empty, binary or too large', async () => {
    await file('empty.py', '')
    await file('binary.py', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0xff]))
    await file('big.tar', Buffer.alloc(2 << 20))
    for (const [name, why] of [
      ['empty.py', 'is empty'],
      ['binary.py', 'is binary'],
      ['big.tar', 'too large'],
    ] as const) {
      const said = await vulcan(['run', name, '--runtime', 'python'])
      expect(said).toMatchObject({ code: 2, out: '' })
      expect(said.err).toContain(`${name}: `)
      expect(said.err).toContain(why)
    }
  })
})

test('up says where, down stops it, and then there is nothing', async () => {
  expect((await vulcan(['up'])).err).toMatch(/listens at http:\/\/127\.0\.0\.1:\d+ \(on this host\)/)
  expect(JSON.parse((await vulcan(['backends', '--json'])).out)).toMatchObject([{ name: 'fake', online: true }])
  expect(await vulcan(['gc', '--dry-run'])).toMatchObject({ code: 0, out: 'would remove nothing\n' })
  const [held, old] = [await entry('tool', '1'), await entry('tool', '0')]
  await writeFile(join(folder, 'home', 'assets', 'current.json'), '{"tool":"tool-1"}')
  expect(JSON.parse((await vulcan(['gc', '--dry-run', '--json'])).out)).toMatchObject({
    superseded: [{ shelf: 'assets', name: 'tool', folder: 'tool-0' }],
  })
  expect((await vulcan(['gc'])).out).toMatch(/^removed 1 superseded folder \(.* MiB\)\n {2}assets\/tool-0 /)
  await expect(stat(old)).rejects.toMatchObject({ code: 'ENOENT' })
  expect((await stat(held)).isDirectory()).toBe(true)
  expect((await vulcan(['down'])).err).toContain('has stopped')
  expect(await vulcan(['ls'])).toMatchObject({ code: 125, err: expect.stringContaining('vulcan up') as string })
  const gc = await vulcan(['gc'])
  expect(gc).toMatchObject({ code: 0, out: 'removed nothing\n' })
  expect(gc.err).toContain('no server runs')
  expect((await vulcan(['down'])).err).toContain('nothing was running')
  await expect(readFile(join(folder, 'home', 'server.json'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a server that was killed is replaced', async () => {
  await vulcan(['up'])
  const { pid } = JSON.parse(await readFile(join(folder, 'home', 'server.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  expect(await vulcan(['run', 'a.py'])).toMatchObject({ code: 7, out: 'out\n' })
})

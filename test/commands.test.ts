import { execFileSync } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeServerFile } from '../src/cli/serverfile.ts'
import { zipOf } from '../src/scheduler/archive/testing.ts'
import { testSecret } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'

/** Every command's words and statuses, in this process. What takes processes is in command-line.test.ts. */
let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

describe('run', () => {
  test.each([
    ['timeout', '# fake: sleep 60000', ['--timeout', '0.2'], 124],
    ['out of memory', '# fake: oom', [], 137],
    ['killed by a signal of its own', '# fake: signal SIGSEGV', [], 139],
    ['lost', '# fake: vm_lost', [], 125],
    ['not started', '# fake: fail no kernel', [], 125],
    ['disk full', '# fake: disk_full', [], 1],
    ['too much output', '# fake: flood 2000000', [], 137],
  ])('%s', async (name, code, flags, status) => {
    const said = await line.vulcan(['run', ...flags, await line.file(`${name.replaceAll(' ', '-')}.py`, code)])
    expect(said.code, said.err.slice(-300)).toBe(status)
  })

  test('what the network refused is one line at the end, on standard error', async () => {
    const deny = (target: string) => `# fake: deny ${target}`
    const [metadata, home] = [deny('metadata tcp 169.254.169.254 80'), deny('private udp 192.168.1.1 53')]
    const path = await line.file('curious.py', [metadata, home, home, '# fake: print done'].join('\n'))
    const said = await line.vulcan(['run', path])
    const words = '3 connections were refused: 169.254.169.254:80 (metadata), 192.168.1.1:53/udp (private, 2 times)'
    expect(said).toMatchObject({ code: 0, out: 'done\n' })
    expect(said.err.split('\n')).toContain(`vulcan: ${words}`)
    const id = await line.detached('curious-too.py', [metadata, home, home].join('\n'))
    await line.vulcan(['logs', '-f', id])
    expect((await line.vulcan(['status', id])).out).toContain(`network   ${words}\n`)
  })

  test('arguments, environment, input and standard input arrive', async () => {
    const env = await line.file('variables', '# a comment\nA=1\nB=two words\n')
    const input = await line.file('in.json', '{"n":[1]}')
    const spec = await line.file('spec.js', '// fake: spec\n// fake: stdin')
    const flags = ['--env-file', env, '--env', 'B=x=y', '--input', `@${input}`]
    const said = await line.vulcan(['run', spec, ...flags, '--', '--flag', 'a b'])
    expect(said.out).toBe('{"args":["--flag","a b"],"env":{"A":"1","B":"x=y"},"entrypoint":"main.js"}{"n":[1]}')
    expect((await line.vulcan(['run', spec, '--stdin', '-'], { stdin: 'typed' })).out).toMatch(/typed$/)
    const code = await line.vulcan(['run', '-', '--runtime', 'go'], { stdin: '// fake: print from stdin' })
    expect(code.out).toBe('from stdin\n')
  })

  test('--json prints the record, --detach the id; logs, status, ls and kill know it', async () => {
    const path = await line.file('seven.py', '# fake: print out\n# fake: result 42\n# fake: exit 7')
    expect(JSON.parse((await line.vulcan(['run', '--json', path])).out)).toMatchObject({
      stdout: 'out\n',
      exit: { by: 'program', code: 7 },
      result: 42,
    })
    const up = Promise.withResolvers<void>()
    const id = await line.detached('slow.py', '# fake: print up\n# fake: sleep 600000')
    const following = line.vulcan(['logs', '-f', id], { onOutput: () => up.resolve() })
    await up.promise
    expect(await line.vulcan(['logs', id]), 'what there is, without waiting').toMatchObject({ code: 0, out: 'up\n' })
    expect((await line.vulcan(['ls', '--status', 'running'])).out).toContain(id)
    expect(await line.vulcan(['kill', id])).toMatchObject({ code: 0, out: '' })
    expect(await following).toMatchObject({ code: 0, out: 'up\n' })
    expect((await line.vulcan(['status', id])).out).toMatch(/status +killed/)
    expect(await line.vulcan(['kill', id])).toMatchObject({
      code: 2,
      err: expect.stringContaining('already_ended') as string,
    })
    expect((await line.vulcan(['logs', id])).out).toBe('up\n')
  })

  test('one that has ended keeps kill from none of the others', async () => {
    const ended = await line.detached('short.py', '# fake: print x')
    await line.vulcan(['logs', '-f', ended])
    const alive = await line.detached('slow.py', '# fake: sleep 600000')
    const said = await line.vulcan(['kill', ended, alive, '--json'])
    expect(said).toMatchObject({ code: 2, err: expect.stringContaining('already_ended') as string })
    expect(JSON.parse(said.out)).toEqual({ killed: [alive] })
  })
})

describe('wrong usage exits with 2, says what is wrong and starts nothing', () => {
  test.each<[string, string[], string]>([
    ['unknown flag', ['run', '--nope', 'FOLDER/a.py'], '--nope'],
    ['unknown flag of an inner command', ['machine', 'status', '--nope'], '--nope'],
    ['unknown command', ['dance'], 'dance'],
    ['no file', ['run', 'FOLDER/missing.py'], 'missing.py: does not exist'],
    ['unknown ending', ['run', 'FOLDER/env'], 'env: its ending'],
    ['unknown runtime', ['run', 'FOLDER/a.py', '--runtime', 'cobol'], 'cobol'],
    ['a number that is none', ['run', 'FOLDER/a.py', '--mem', 'much'], 'much'],
    ['negative memory', ['run', 'FOLDER/a.py', '--mem', '-5'], 'invalid_field: --mem must be'],
    ['half a megabyte', ['run', 'FOLDER/a.py', '--mem', '100.5'], '--mem must be integer'],
    ['a variable that is none', ['run', 'FOLDER/a.py', '--env', 'K'], '--env K'],
    ['input that is no JSON', ['run', 'FOLDER/a.py', '--input', '{'], '--input'],
    ['a network that is none', ['run', 'FOLDER/a.py', '--network', 'moon'], 'moon'],
    ['an isolation that is none', ['run', 'FOLDER/a.py', '--isolation', 'hope'], 'hope'],
    ['an allow entry that is none', ['run', 'FOLDER/a.py', '--allow', '1.2.3'], '1.2.3'],
    ['an address that is none', ['serve', '--set', 'server.host=....'], 'server.host'],
    ['a setting that is none', ['run', 'FOLDER/a.py', '--set', 'colour=red'], 'colour'],
    ['a folder without anything', ['run', 'FOLDER/hollow'], 'hollow: is empty'],
    ['an archive of another kind', ['run', 'FOLDER/x.tar.xz'], '.tar, .tar.gz, .tgz, .tar.zst, .tzst, .zip'],
    ['such an archive of a known runtime', ['run', 'FOLDER/x.tar.xz', '--runtime', 'go'], 'archives are taken as .tar'],
    ['something to leave out of a file', ['run', 'FOLDER/a.py', '--exclude', 'b'], '--exclude b: is for a folder'],
    ['standard input without a runtime', ['run', '-'], '--runtime'],
    [
      'standard input as code too',
      ['run', '-', '--runtime', 'go', '--stdin', '-'],
      '- (the code) and --stdin -: standard',
    ],
    ['it as input too', ['run', 'FOLDER/a.py', '--input', '@-', '--stdin', '-'], '--input @- and --stdin -: standard'],
    [
      'it thrice',
      ['run', 'FOLDER/a.py', '--input', '@-', '--stdin', '-', '--env-file', '-'],
      '--env-file - and --input @- and --stdin -: standard input can be read by one of them',
    ],
    ['a status that is none', ['ls', '--status', 'sleepy'], 'sleepy'],
    ['a limit that is none', ['ls', '--limit', 'many'], 'invalid_field: --limit must be integer'],
    ['a workload nobody knows', ['status', 'nobody'], 'nobody'],
    ['the log of one nobody knows', ['logs', '-f', 'nobody'], 'nobody'],
    ['a scope that is none', ['keys', 'create', 'x', '--scope', 'root'], 'invalid_field: --scope must be one of'],
    ['a quota that is none', ['keys', 'create', 'x', '--running', '0'], '--running'],
    ['a time that is over', ['keys', 'create', 'x', '--expires', '2020-01-01'], 'invalid_field: --expires '],
    ['a key nobody knows', ['keys', 'revoke', 'nobody'], 'nobody'],
    ['a backup to what is there', ['backup', 'FOLDER'], 'is there already'],
    ['a shell that is none', ['completion', 'dos'], 'dos'],
  ])('%s', async (_, words, complaint) => {
    await line.file('a.py', '# fake: print x')
    await line.file('env', 'A=1')
    await line.file('x.tar.xz', Buffer.from([0xfd, 0x37]))
    await mkdir(join(line.folder, 'hollow'), { recursive: true })
    const before = (await line.server.scheduler.summaries({ limit: 100 })).length
    const said = await line.vulcan(
      words.map((word) => word.replace('FOLDER', line.folder)),
      { stdin: '// code' },
    )
    expect(said).toMatchObject({ code: 2, out: '' })
    expect(said.err).toContain(complaint)
    expect(await line.server.scheduler.summaries({ limit: 100 })).toHaveLength(before)
  })

  test.each([
    ['empty.py', '', 'is empty'],
    ['binary.py', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0xff]), 'is binary'],
    ['big.tar', Buffer.alloc(2 << 20), 'too large'],
  ])('%s', async (name, content, why) => {
    const words = ['--set', 'limits.archive_mb=1', 'run', await line.file(name, content), '--runtime', 'python']
    const said = await line.vulcan(words)
    expect(said).toMatchObject({ code: 2, out: '' })
    expect(said.err).toContain(`${name}: `)
    expect(said.err).toContain(why)
  })
})

test('bytes that are no text are refused where text goes in, and a zip archive says its runtime', async () => {
  const code = await line.file('a.py', '# fake: print ran')
  const picture = await line.file('photo.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]))
  for (const flag of ['--stdin', '--env-file']) {
    const said = await line.vulcan(['run', code, flag, picture])
    expect(said).toMatchObject({ code: 2, out: '' })
    expect(said.err).toContain(`${flag} ${picture}: is not text in UTF-8`)
  }
  const zip = await line.file('app.zip', zipOf([{ name: 'main.py', content: '# fake: print zipped' }]))
  expect(await line.vulcan(['run', zip])).toMatchObject({ code: 0 })
  const broken = await line.vulcan(['run', await line.file('broken.zip', 'PK nothing')])
  expect(broken).toMatchObject({ code: 2, out: '' })
  expect(broken.err).toContain('broken.zip: cannot be read as an archive')
})

test('what gc would remove of vms that wait is what it then does', async () => {
  await line.detached('ready.py', '# fake: ready 2')
  const ready = async (...flags: string[]) =>
    (JSON.parse((await line.vulcan(['gc', '--pool', '--json', ...flags])).out) as { ready_vms: number }).ready_vms
  await expect.poll(() => ready('--dry-run'), { timeout: 20_000 }).toBe(2)
  expect([await ready('--dry-run'), await ready(), await ready(), await ready('--dry-run')]).toEqual([2, 2, 0, 0])
})

test('the home nearest to the end of the line is the one that is meant, behind commands of commands too', async () => {
  const other = join(line.folder, 'other-home')
  for (const words of [['ls'], ['keys', 'ls'], ['down'], ['machine', 'status', '--json']]) {
    const said = await line.vulcan([...words, '--home', other])
    expect(`${said.out}${said.err}`, words.join(' ')).toMatch(
      /no server of \S+\/other-home|nothing was running|"running": false/,
    )
  }
  expect((await line.vulcan(['keys', 'ls', '--home', line.server.home])).code).toBe(0)
  expect(await line.vulcan(['down', '--home', ''])).toMatchObject({
    code: 2,
    err: expect.stringContaining('home = "" is not an absolute path') as string,
  })
  expect(await line.vulcan(['ls'])).toMatchObject({ code: 0 })
})

test('backup makes a folder or an archive; of a server in the machine the server sends it', async () => {
  const copy = join(line.folder, 'copy')
  const said = await line.vulcan(['backup', copy, '--json'])
  expect(JSON.parse(said.out)).toEqual({ path: copy, bytes: expect.any(Number) as number })
  expect((await readdir(copy)).sort()).toEqual(['COMPLETE', 'key', 'runs', 'vulcan.db'])
  expect(await line.vulcan(['backup', `${copy}.tar.zst`])).toMatchObject({ code: 0, out: '' })
  const { home } = line.server
  await writeServerFile(home, { url: line.url, place: 'machine', backend: 'fake', secret: testSecret, holds: [] })
  expect(await line.vulcan(['backup', join(line.folder, 'other')])).toMatchObject({ code: 2 })
  const sent = await line.vulcan(['backup', join(line.folder, 'sent.tar.zst')])
  await line.moveTo(line.url)
  expect(sent, sent.err).toMatchObject({ code: 0 })
  expect((await readdir(line.folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  for (const name of ['copy.tar.zst', 'sent.tar.zst']) {
    expect(execFileSync('tar', ['--zstd', '-tf', join(line.folder, name)], { encoding: 'utf8' }).trimEnd()).toMatch(
      /COMPLETE$/,
    )
  }
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { widthOf } from '../src/cli/text.ts'
import { testKey } from '../src/server/testing.ts'
import { say, commandLine, type CommandLine } from './commandline.ts'

/** What commands list, in this process. */
let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

describe('listings', () => {
  test.each([
    [['ls']],
    [['status']],
    [['nodes']],
    [['backends']],
    [['images']],
    [['templates', 'build']],
    [['templates']],
    [['keys', 'ls']],
    [['config']],
    [['gc']],
    [['gc', '--dry-run']],
    [['machine', 'status']],
    [['machine', 'stop']],
    [['up']],
    [['setup']],
  ])('%j --json prints one JSON document and nothing else', async (words) => {
    const said = await line.vulcan([...words, '--json'])
    expect(said, said.err).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(said.out)).toBeTypeOf('object')
    const plain = await line.vulcan(words)
    expect(plain.code, plain.err).toBe(0)
    expect(`${plain.out}${plain.err}`).toMatch(/\S\n$/)
  })

  test.each([
    ['ls', 'workloads'],
    ['nodes', 'nodes'],
    ['backends', 'backends'],
    ['images', 'images'],
    ['templates', 'templates'],
    ['keys ls', 'keys'],
  ])('%s --json prints what the API answers at /v1/%s', async (words, route) => {
    const headers = { authorization: `Bearer ${testKey}` }
    const answer = (await (await fetch(`${line.url}/v1/${route}`, { headers })).json()) as Record<string, unknown>
    expect(answer[route]).toBeInstanceOf(Array)
    expect(JSON.parse((await line.vulcan([...words.split(' '), '--json'])).out)).toEqual(answer)
  })

  test('ls finds by status, runtime and label, and pages', async () => {
    const hostile = 'red\u001B[2J\u202E'
    const one = await line.detached('one.py', '# fake: exit 3', ['--label', `team=${hostile}`, '--label', 'n=1'])
    const two = await line.detached('two.go', '// fake: print x', ['--label', 'n=1'])
    for (const id of [one, two]) await line.vulcan(['logs', '-f', id])
    const ids = async (...words: string[]) => {
      const { out } = await line.vulcan(['ls', '--json', ...words])
      return (JSON.parse(out) as { workloads: { id: string }[] }).workloads.map(({ id }) => id)
    }
    expect(await ids('--label', 'n=1')).toEqual([two, one])
    expect(await ids('--label', 'n=1', '--runtime', 'go')).toEqual([two])
    expect(await ids('--label', `team=${hostile}`)).toEqual([one])
    expect(await ids('--label', 'n=1', '--status', 'failed')).toEqual([one])
    const first = await line.vulcan(['ls', '--label', 'n=1', '--limit', '1'])
    expect(first.err).toContain(`there are more: --cursor ${two}`)
    expect(await ids('--label', 'n=1', '--cursor', two)).toEqual([one])
    for (const words of [['ls'], ['ls', '--json'], ['status', one], ['status', one, '--json']]) {
      expect((await line.vulcan(words, { columns: 200 })).out, words.join(' ')).not.toMatch(/[\u001B\u202E]/)
    }
  })

  test.each([40, 56, 80, 200])('fit a terminal of %i columns, where ids and values stay whole', async (columns) => {
    const id = await line.detached('wide.py', '# fake: print x', ['--label', `city=${'東京'.repeat(20)}`])
    await line.vulcan(['logs', '-f', id])
    const made = await line.vulcan([
      'keys',
      'create',
      'a key of somebody',
      '--running',
      '5',
      '--expires',
      '90d',
      '--json',
    ])
    const key = (JSON.parse(made.out) as { id: string }).id
    const whole = [
      ['ls', id],
      ['status', line.url],
      [`status ${id}`, id],
      ['keys ls', key],
      ['config', '127.0.0.1'],
      ...['nodes', 'backends', 'images', 'templates', 'machine status'].map((name) => [name, '']),
    ]
    for (const [words = '', text = ''] of whole) {
      const { out } = await line.vulcan(words.split(' '), { columns })
      expect(out, words).toContain(text)
      const tooWide = out.split('\n').filter((row) => widthOf(row) > columns)
      expect(tooWide, words).toEqual([])
    }
  })

  test('what a row of 40 columns cannot hold stands below each other', async () => {
    const id = await line.detached('narrow.py', '# fake: exit 3', ['--label', 'narrow=1'])
    await line.vulcan(['logs', '-f', id])
    const { out } = await line.vulcan(['ls', '--label', 'narrow=1'], { columns: 40 })
    expect(out.replace(/age: \d+ s/, 'age: N s')).toBe(
      `id: ${id}\nstatus: failed\nage: N s\nruntime: python\nexit: 3\nlabels: narrow=1\n`,
    )
    const settings = (await line.vulcan(['config', '--set', 'limits.pids=300'], { columns: 40 })).out.split('\n\n')
    expect(settings).toContain(
      'setting: limits.pids\nvalue: 300\nfrom: --set limits.pids\nis: most processes and threads of one\n  workload',
    )
  })

  test('without a server they say how to start one and exit with 125', async () => {
    const said = await say(['--home', line.folder, '--backend', 'fake', 'ls', '--json'], {})
    expect(said).toMatchObject({ code: 125, out: '', err: expect.stringContaining('vulcan up') as string })
  })
})

/** What commands say they take. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

test.each([
  ...['run', 'logs', 'status', 'ls', 'kill', 'nodes', 'backends', 'images', 'config', 'serve', 'up', 'down', 'setup'],
  ...[
    'doctor',
    'gc',
    'bench',
    'completion',
    'machine start',
    'machine stop',
    'machine status',
    'machine shell',
    'machine exec',
  ],
  ...['keys create', 'keys ls', 'keys revoke', 'backup'],
])('%s is there and says what it takes', async (name) => {
  const said = await line.vulcan([...name.split(' '), '--help'])
  expect(said).toMatchObject({ code: 0, err: '' })
  expect(said.out).toContain(`Usage: vulcan ${name} `)
})

test('what each command takes fits a terminal of 40 columns, and 80 where there is none', async () => {
  const { out } = await line.vulcan(['--help'])
  const names = [...out.matchAll(/^ {2}(?!help)([a-z]+) /gm)].map(([, name]) => [name ?? ''])
  expect(names.length).toBeGreaterThan(20)
  const inner = ['keys create', 'machine exec', 'templates build'].map((name) => name.split(' '))
  for (const words of [[], ...names, ...inner]) {
    for (const columns of [40, 56, undefined]) {
      const said = await line.vulcan([...words, '--help'], columns === undefined ? {} : { columns })
      expect(said.code).toBe(0)
      expect(
        said.out.split('\n').filter((row) => row.length > (columns ?? 80)),
        words.join(' '),
      ).toEqual([])
    }
  }
  const narrow = await line.vulcan(['run', '--help'], { columns: 40 })
  expect(narrow.out).toContain('\n  --cpus <n>\n      cores, fractions too\n')
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

test.each([
  ['id', ['status', '']],
  ['id', ['logs', ' ']],
  ['ids', ['kill', 'one', '']],
  ['key', ['keys', 'revoke', '']],
])('an empty %s is wrong usage, and the argument is named: %j', async (name, words) => {
  const said = await line.vulcan(words)
  expect(said).toMatchObject({ code: 2, out: '' })
  expect(said.err).toContain(`'${name}'. It is empty.`)
})

test('several that are not empty are ended, each', async () => {
  const ids = [
    await line.detached('one.py', '# fake: sleep 60000'),
    await line.detached('two.py', '# fake: sleep 60000'),
  ]
  const { code, out } = await line.vulcan(['kill', '--json', ...ids])
  expect({ code, killed: (JSON.parse(out) as { killed: string[] }).killed }).toEqual({ code: 0, killed: ids })
})

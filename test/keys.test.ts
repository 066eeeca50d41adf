/** `vulcan keys`, against a server in this process. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

test('keys create prints the text alone, ls shows what may be shown, revoke ends it', async () => {
  const quotas = ['--running', '2', '--queued', '5', '--cpu-seconds', '60']
  const said = await line.vulcan([
    'keys',
    'create',
    'ci',
    '--scope',
    'run',
    '--scope',
    'read',
    '--expires',
    '2h',
    ...quotas,
  ])
  expect(said).toMatchObject({ code: 0, out: expect.stringMatching(/^vk_[\w-]{43}\n$/) as string })
  const id = /its id is (\S+)/.exec(said.err)?.[1] ?? ''
  const listed = await line.vulcan(['keys', 'ls'])
  expect(listed.out).toMatch(
    new RegExp(`${id} +valid +ci +run,read +never +running=2 queued=5 cpu_seconds=60 +\\d{4}-`),
  )
  expect(listed.out).not.toContain(said.out.trim())
  const own = { authorization: `Bearer ${said.out.trim()}` }
  expect((await fetch(`${line.url}/v1/stats`, { headers: own })).status).toBe(200)
  expect(await line.vulcan(['keys', 'revoke', id])).toMatchObject({ code: 0, out: '' })
  expect((await fetch(`${line.url}/v1/stats`, { headers: own })).status).toBe(401)
  expect((await line.vulcan(['keys', 'ls'])).out).toContain(`${id}  revoked`)
})

test('keys with --json tell all of it', async () => {
  const made = JSON.parse((await line.vulcan(['keys', 'create', 'x', '--json'])).out) as Record<string, unknown>
  expect(made).toMatchObject({ name: 'x', scopes: ['run'], key: expect.stringMatching(/^vk_/) as string })
  const revoked = await line.vulcan(['keys', 'revoke', String(made['id']), '--json'])
  expect(JSON.parse(revoked.out)).toMatchObject({ id: made['id'], revoked_at: expect.any(String) as string })
})

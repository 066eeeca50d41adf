/** vulcan open: a link to the dashboard of the server that runs. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

test('open --print prints a link of the server that lets a browser in once', async () => {
  const { code, out, err } = await line.vulcan(['open', '--print'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out.startsWith(`${line.url}/login?token=`)).toBe(true)
  const opened = await fetch(out.trim(), { redirect: 'manual' })
  const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? ''
  expect((await fetch(new URL('/v1/stats', line.url), { headers: { cookie } })).status).toBe(200)
  const again = await fetch(out.trim(), { redirect: 'manual' })
  expect(again.headers.get('set-cookie')).toBeNull()
})

test('open --json tells until when', async () => {
  const { url, expires_at } = JSON.parse((await line.vulcan(['open', '--json'])).out) as Record<string, string>
  expect(url).toContain('/login?token=')
  expect(Date.parse(expires_at ?? '')).toBeGreaterThan(Date.now())
})

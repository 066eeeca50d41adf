import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { breakingDoor, testServer } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'

/** logs -f and run, whose server goes away and comes back, through doors that break connections. */
let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

/** Bytes of every kind, in writes of many sizes, with characters that lie across them. */
const written = Array.from({ length: 80 }, (_, i) =>
  i % 3 === 0 ? randomBytes(i * 11 + 1) : Buffer.from(`line ${i} \u{1F600}\r\n`.repeat(i)),
)
const code = written.map((bytes) => `# fake: base64 ${bytes.toString('base64')}`).join('\n')

async function file(content: string): Promise<string> {
  const path = join(line.server.home, 'program.py')
  await writeFile(path, content)
  return path
}

/** Some byte of what each connection answers, behind the first question whether the server lives. */
const cuts = Array.from({ length: 6 }, () => 600 + Math.floor(Math.random() * 20_000))

test(`logs -f through connections that break gives every byte once, and says so once (${cuts.join()})`, async () => {
  const id = (await line.vulcan(['run', '--detach', await file(code)])).out.trim()
  await using door = await breakingDoor(line.url, cuts)
  await line.moveTo(door.url)
  const said = await line.vulcan(['logs', '-f', id])
  await line.moveTo(line.url)
  expect(said.code).toBe(0)
  expect(said.bytes.equals(Buffer.concat(written))).toBe(true)
  expect(door.passed()).toBeGreaterThan(1)
  expect(said.err.match(/went away/g)).toHaveLength(1)
})

test('run through connections that break shows every byte once and exits as the program did', async () => {
  const path = await file(`${code}\n# fake: exit 5`)
  const moved = Promise.withResolvers<void>()
  await using door = await breakingDoor(line.url, [100_000, 5000, 300, 40_000])
  await line.moveTo(door.url)
  const running = line.vulcan(['run', path], { onOutput: () => moved.resolve() })
  await moved.promise
  const said = await running
  await line.moveTo(line.url)
  expect(said.bytes.equals(Buffer.concat(written))).toBe(true)
  expect(said.code).toBe(5)
})

test('logs -f goes on where it was when the server is started anew, at another port', async () => {
  await using first = await commandLine()
  const { home } = first.server
  await writeFile(join(home, 'long.py'), code)
  const id = (await first.vulcan(['run', '--detach', join(home, 'long.py')])).out.trim()
  await first.vulcan(['logs', '-f', id])
  const door = await breakingDoor(first.url, [20_000, 20_000, 0, 0, 0, 0])
  await first.moveTo(door.url)
  const begun = Promise.withResolvers<void>()
  const following = first.vulcan(['logs', '-f', id], { onOutput: () => begun.resolve() })
  await begun.promise
  await door[Symbol.asyncDispose]()
  await first.server.app.close()
  await first.server.scheduler[Symbol.asyncDispose]()
  await using second = await testServer({ scheduler: { home }, server: { home } })
  await first.moveTo(await second.app.listen({ host: '127.0.0.1', port: 0 }))
  const said = await following
  expect(said.code, said.err).toBe(0)
  expect(said.bytes.equals(Buffer.concat(written))).toBe(true)
})

test('a server that comes back without the workload: run says so and exits with 125', async () => {
  await using first = await commandLine()
  const path = join(first.server.home, 'slow.py')
  await writeFile(path, '# fake: print up\n# fake: sleep 600000')
  const up = Promise.withResolvers<void>()
  const door = await breakingDoor(first.url, [])
  await first.moveTo(door.url)
  const running = first.vulcan(['run', path], { onOutput: () => up.resolve() })
  await up.promise
  await using second = await commandLine()
  await first.moveTo(second.url)
  await door[Symbol.asyncDispose]()
  const said = await running
  expect(said).toMatchObject({ code: 125, out: 'up\n' })
  expect(said.err).toContain('workload_lost')
})

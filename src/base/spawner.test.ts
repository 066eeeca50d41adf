/** What of a spawner is not that of any command: it is a process that may be lost. */
import { execFileSync } from 'node:child_process'
import { copyFile, mkdtempDisposable, open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { builtSpawner } from './builtprogram.ts'
import { textIn } from './files.ts'
import type { CommandFailed } from './process.ts'
import { Spawner } from './spawner.ts'

const program = await builtSpawner()

/** The number of the process that runs a command. */
const parent = async (spawner: Spawner) => Number((await spawner.run(['sh', '-c', 'echo $PPID'])).stdout)

test('commands run side by side, each with its own answer', async () => {
  await using spawner = new Spawner(program)
  const words = Array.from({ length: 20 }, (_, at) => `${at}`)
  const said = await Promise.all(words.map((word) => spawner.run(['echo', word])))
  expect(said.map(({ stdout }) => stdout.trim())).toEqual(words)
})

test('one that is lost fails what it ran, by name, and the next command has another', async () => {
  await using spawner = new Spawner(program)
  const first = await parent(spawner)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-spawner-'))
  const words = join(folder.path, 'words')
  const running = spawner.run(['sh', '-c', 'echo $$; exec sleep 86400'], { words }).catch((error: unknown) => error)
  const pid = await vi.waitUntil(async () => Number(await textIn(words)) || undefined)
  process.kill(first, 'SIGKILL')
  expect(await running).toMatchObject({
    why: 'lost',
    message: expect.stringContaining('was not seen to end (vulcan-spawner was ended by SIGKILL)') as string,
  })
  await vi.waitUntil(async () => / Z /.test((await textIn(`/proc/${pid}/stat`)) ?? ' Z '))
  expect(await parent(spawner)).not.toBe(first)
})

test('one that is not there fails each command by name', async () => {
  await using spawner = new Spawner('/no/such/spawner')
  for (const word of ['once', 'twice'])
    await expect(spawner.run(['echo', word])).rejects.toMatchObject({
      why: 'spawn',
      message: expect.stringContaining('/no/such/spawner') as string,
    })
})

test('why a command could not be started has its name', async () => {
  await using spawner = new Spawner(program)
  const error = await spawner.run(['/no/such/command']).catch((failed: unknown) => failed as CommandFailed)
  expect(error).toMatchObject({ why: 'spawn', cause: { code: 'ENOENT' } })
})

test('what a command says goes to the end of a file, where one is named', async () => {
  await using spawner = new Spawner(program)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-spawner-'))
  const words = join(folder.path, 'words')
  for (const script of ['echo out', 'echo err >&2; exit 1'])
    await spawner.run(['sh', '-c', script], { words, okCodes: [0, 1] })
  expect(await readFile(words, 'utf8')).toBe('out\nerr\n')
})

test('closing one waits for its last command, and no process is left', async () => {
  const spawner = new Spawner(program)
  const pid = await parent(spawner)
  const last = spawner.run(['sh', '-c', 'sleep 0.2; echo done'])
  await spawner[Symbol.asyncDispose]()
  expect((await last).stdout).toBe('done\n')
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

test('closing one waits for a command that its deadline ends', async () => {
  const spawner = new Spawner(program)
  const hanging = spawner.run(['sleep', '86400'], { timeoutMs: 300 }).catch((error: unknown) => error)
  await spawner[Symbol.asyncDispose]()
  expect(await hanging).toMatchObject({ why: 'timeout', signal: 'SIGKILL' })
})

test('a deadline holds also where nothing answers', async () => {
  const spawner = new Spawner(program)
  const pid = await parent(spawner)
  process.kill(pid, 'SIGSTOP')
  onTestFinished(() => void process.kill(pid, 'SIGKILL'))
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const running = spawner.run(['true'], { timeoutMs: 60_000 }).catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(65_000)
  expect(await running).toMatchObject({ why: 'timeout' })
})

test('where no process can be started a command fails as one that could not be, and the next is tried', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-spawner-'))
  const busy = join(folder.path, 'busy')
  await using spawner = new Spawner(busy)
  await copyFile(program, busy)
  const file = await open(busy, 'r+')
  await expect(spawner.run(['true'])).rejects.toMatchObject({ why: 'spawn', cause: { code: 'ETXTBSY' } })
  await file.close()
  expect(await spawner.run(['true'])).toMatchObject({ code: 0 })
})

test('many megabytes come whole', async () => {
  await using spawner = new Spawner(program)
  const { stdout } = await spawner.run(['sh', '-c', 'yes | head -c 4000000'])
  expect(stdout).toBe('y\n'.repeat(2_000_000))
})

test('a command without an environment has none of ours', async () => {
  await using spawner = new Spawner(program)
  expect((await spawner.run(['env'], { env: {} })).stdout).toBe('')
})

test('one that nobody waits for keeps no process alive', () => {
  const module = JSON.stringify(join(import.meta.dirname, 'spawner.ts'))
  const code = `const { Spawner } = await import(${module}); await new Spawner(${JSON.stringify(program)}).run(['true']); console.log('over')`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', code], { timeout: 30_000 }).toString()
  expect(said).toBe('over\n')
})

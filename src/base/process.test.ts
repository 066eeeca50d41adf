/** Commands, run by this process and by the small one that does it for a large one. */
import { describe, expect, test } from 'vitest'
import { builtSpawner } from './builtprogram.ts'
import { CommandFailed, killGroup, run as runHere, type RunCommand } from './process.ts'
import { Spawner } from './spawner.ts'

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as CommandFailed,
  )

const spawner = new Spawner(await builtSpawner())

describe.each<[string, RunCommand]>([
  ['this process', runHere],
  ['a spawner', spawner.run],
])('by %s', (_, run) => {
  test('gives back what a command said', async () => {
    const result = await run(['sh', '-c', 'cat; echo words >&2'], { input: 'hello' })
    expect(result).toMatchObject({ code: 0, stdout: 'hello', stderr: 'words\n' })
  })

  test('a failure keeps the exit code and the last words', async () => {
    const error = await failure(run(['sh', '-c', 'echo no such thing >&2; exit 3']))
    expect(error).toBeInstanceOf(CommandFailed)
    expect(error).toMatchObject({ why: 'exit', code: 3 })
    expect(error.message).toContain('exited with 3: no such thing')
  })

  test('expected exit codes are success', async () => {
    expect(await run(['sh', '-c', 'exit 3'], { okCodes: [0, 3] })).toMatchObject({ code: 3 })
  })

  test('a command that is not there says so', async () => {
    expect(await failure(run(['/no/such/command']))).toMatchObject({ why: 'spawn' })
  })

  test('a timeout ends the whole process group, children too', async () => {
    const error = await failure(run(['sh', '-c', 'sleep 1000 & echo $!; wait'], { timeoutMs: 300 }))
    expect(error.why).toBe('timeout')
    const grandchild = Number(error.stdout)
    expect(grandchild).toBeGreaterThan(1)
    // Its pipe was closed, or the command would not have settled; it is a zombie at most.
    expect(error.signal).toBe('SIGKILL')
  })

  test('the first cause is the cause: an abort after a timeout is still a timeout, and the other way round', async () => {
    const abort = new AbortController()
    const running = failure(run(['sleep', '1000'], { signal: abort.signal, timeoutMs: 60_000 }))
    abort.abort()
    expect((await running).why).toBe('aborted')
  })

  test('a signal that was aborted before is seen at once', async () => {
    expect((await failure(run(['sleep', '1000'], { signal: AbortSignal.abort() }))).why).toBe('aborted')
  })

  test('a child that went out of the group and holds the pipes does not outlast the deadline', async () => {
    const begun = performance.now()
    const left = 'setsid sleep 31 & echo $!'
    const failed = await run(['sh', '-c', left], { timeoutMs: 300 }).catch((error: unknown) => error as CommandFailed)
    expect(failed).toMatchObject({ why: 'timeout', stdout: expect.stringMatching(/^\d+\n$/) as string })
    expect(performance.now() - begun).toBeLessThan(20_000)
    killGroup(Number((failed as CommandFailed).stdout))
  })
})

test('lines are told as they come, however they are cut', async () => {
  const lines: string[] = []
  await runHere(['printf', 'one\\ntwo\\rthree\\n'], { onLine: (line) => lines.push(line) })
  expect(lines).toEqual(['one', 'two', 'three'])
})

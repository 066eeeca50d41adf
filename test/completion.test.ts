import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { commandLine, type CommandLine } from './commandline.ts'

/** What shells are offered for an unfinished line. That a real one takes it: command-line.test.ts. */
let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

describe('completion offers', () => {
  const offers = async (...words: string[]) => {
    const { out, err } = await line.vulcan(['complete', '--', ...words])
    expect(err).toBe('')
    const lines = out.trimEnd().split('\n')
    return { values: lines.slice(0, -1).map((text) => text.split('\t')[0] ?? ''), directive: lines.at(-1) }
  }
  const [words, unfinished, files] = [':36', ':38', ':0']

  test.each<[string, string[], string[], string]>([
    ['commands', ['ma'], ['machine'], words],
    ['commands of commands', ['machine', 'st'], ['start', 'stop', 'status'], words],
    ['flags', ['run', '--id'], ['--idempotency-key'], words],
    ['flags behind others', ['run', '--json', '--mem', '64', '--det'], ['--detach'], words],
    ['shared flags', ['--ho'], ['--home'], words],
    ['runtimes', ['run', '--runtime', ''], ['python', 'node', 'go'], words],
    ['network modes', ['run', '--network', ''], ['none', 'host', 'internet'], words],
    ['network modes behind =', ['run', '--network=h'], ['host'], words],
    ['isolation', ['run', '--isolation', 'm'], ['microvm'], words],
    ['statuses', ['ls', '--status', 'k'], ['killed'], words],
    ['settings, to be gone on with', ['--set', 'server.po'], ['server.port='], unfinished],
    ['shells', ['completion', ''], ['bash', 'zsh', 'fish'], words],
    ['kernels', ['setup', '--kernel', 'd'], ['debian'], words],
    ['files for a program', ['run', 'he'], [], files],
    ['files for a flag', ['run', '--env-file', ''], [], files],
    ['files behind --', ['run', 'a.py', '--', '--'], [], files],
    ['nothing where a number goes', ['run', '--mem', ''], [], words],
    ['nothing for what it does not know', ['dance', '--with', 'm'], [], words],
  ])('%s', async (_, typed, values, directive) => {
    expect(await offers(...typed)).toEqual({ values, directive })
  })

  test('ids of workloads, to kill only of those alive, and none without a server', async () => {
    const handIn = async (code: string) => {
      const flags = ['--detach', '--runtime', 'python']
      return (await line.vulcan(['run', '-', ...flags], { stdin: code })).out.trim()
    }
    const ended = await handIn('# fake: print x')
    await line.vulcan(['logs', '-f', ended])
    const alive = await handIn('# fake: sleep 600000')
    expect((await offers('logs', '-f', '')).values.slice(0, 2)).toEqual([alive, ended])
    expect((await offers('logs', alive.slice(0, -1))).values).toEqual([alive])
    expect((await offers('kill', '')).values).toEqual([alive])
    await line.vulcan(['kill', alive])
    expect(await offers('--home', import.meta.dirname, 'kill', '')).toEqual({ values: [], directive: words })
    expect(await offers(`--home=${import.meta.dirname}`, 'logs', '')).toEqual({ values: [], directive: words })
  })

  test('ids of keys to revoke, of those that are not yet', async () => {
    const make = async (name: string) => {
      const { out } = await line.vulcan(['keys', 'create', name, '--json'])
      return (JSON.parse(out) as { id: string }).id
    }
    const [gone, here] = [await make('gone'), await make('here')]
    await line.vulcan(['keys', 'revoke', gone])
    expect(await offers('keys', 'revoke', '')).toEqual({ values: [here], directive: words })
    expect((await line.vulcan(['complete', '--', 'keys', 'revoke', ''])).out).toContain(`${here}\there: run\n`)
  })
})

test.each(['zsh', 'fish'])('the script for %s asks the same command', async (shell) => {
  // It is the library that prints it.
  const log = vi.spyOn(console, 'log').mockReturnValue()
  expect((await line.vulcan(['completion', shell])).code).toBe(0)
  expect(log.mock.calls.join('')).toContain('vulcan complete -- ')
  log.mockRestore()
})

/** The programs that the editor begins with run, as a guest runs them: a file by its name, with a place for the result. */
import { execFile } from 'node:child_process'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'vitest'
import { fileNames, starters, type RuntimeName } from './starters.ts'

const commands: readonly (readonly [RuntimeName, readonly [string, ...string[]]])[] = [
  ['python', ['python3']],
  ['node', [process.execPath]],
  ['go', ['go', 'run']],
]

test.concurrent.for(commands)('%s: it says each step and leaves its result', async ([runtime, command], { expect }) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-starter-'))
  await writeFile(join(folder.path, fileNames[runtime]), starters[runtime])
  const result = join(folder.path, 'result')
  const [program, ...words] = [...command, fileNames[runtime]] as [string, ...string[]]
  const env = { ...process.env, VULCAN_RESULT: result }
  const { stdout, stderr } = await promisify(execFile)(program, words, { cwd: folder.path, env })
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^Hello from .*\d+\.\d+/)
  expect(stdout.match(/\u001B\[32mstep \d\u001B\[0m of 5/g)).toHaveLength(5)
  expect(JSON.parse(await readFile(result, 'utf8'))).toEqual({ steps: 5, squares: [0, 1, 4, 9, 16, 25] })
})

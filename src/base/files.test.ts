import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isMissing, removeHalfWritten, textIn, writeAtomic } from './files.ts'

test('what a writer that was killed has left is removed, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vulcan-files-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const deep = join(folder, 'guests')
  await mkdir(deep)
  await writeAtomic(join(deep, 'vm.json'), 'whole')
  // What is there between the write and the rename.
  await writeFile(join(deep, 'vm.json.0badcafe.tmp'), 'wh')
  await writeFile(join(folder, 'lease.tmp'), 'another’s')
  await removeHalfWritten(folder)
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['guests', 'guests/vm.json', 'lease.tmp'])
  expect(await textIn(join(deep, 'vm.json'))).toBe('whole')
  await removeHalfWritten(join(folder, 'not there'))
})

test('a file of a process that ended between its opening and its reading is missing', async () => {
  const child = spawn('sleep', ['86400'])
  await once(child, 'spawn')
  await using file = await open(`/proc/${child.pid}/stat`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const reading = await file.readFile().catch((error: unknown) => error)
  expect(reading).toMatchObject({ code: 'ESRCH' })
  expect(isMissing(reading)).toBe(true)
})

/** What of a folder is handed in with `run`. */
import { execFileSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leftOutNames } from '../src/api/leftout.ts'
import { testKey } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

/** What was handed in with a workload. */
async function archiveOf(id: string): Promise<ArrayBuffer> {
  const headers = { authorization: `Bearer ${testKey}` }
  return (await fetch(`${line.url}/v1/workloads/${id}/archive`, { headers })).arrayBuffer()
}

test('a folder is packed without its history and run; a link out of it is refused', async () => {
  await line.file('shop/package.json', '{"main":"src/x.js"}')
  await line.file('shop/src/x.js', 'x')
  await line.file('shop/.git/HEAD', 'ref')
  const shop = join(line.folder, 'shop')
  expect(await line.vulcan(['run', shop])).toMatchObject({ code: 0, out: 'tar.gz src/x.js\n' })
  await symlink('/etc/passwd', join(shop, 'link'))
  const refused = await line.vulcan(['run', shop])
  expect(refused).toMatchObject({ code: 2, out: '' })
  expect(refused.err).toMatch(/"\.\/link"[^]*--exclude/)
  expect(await line.vulcan(['run', shop, '--exclude', './link'])).toMatchObject({ code: 0, out: 'tar.gz src/x.js\n' })
  await line.file('shop/docs/old/notes.js', 'x')
  await symlink('/etc/passwd', join(shop, 'docs/old/link'))
  const flags = ['--exclude', 'link', '--exclude', 'docs/old/']
  expect(await line.vulcan(['run', shop, ...flags])).toMatchObject({ code: 0, out: 'tar.gz src/x.js\n' })
})

test('what tools keep in a folder stays behind, virtual environments of any name too; what is installed goes along', async () => {
  const project = join(line.folder, 'project')
  await line.file('project/main.py', '# fake: print x')
  await line.file('project/node_modules/a/index.js', 'x')
  for (const name of ['.venv', 'lib/env3']) {
    await line.file(`project/${name}/pyvenv.cfg`, 'home = /usr/bin')
    await symlink('/usr/bin/python3', join(project, name, 'python'))
  }
  for (const name of [...leftOutNames, 'lib/__pycache__']) {
    await mkdir(join(project, name), { recursive: true })
    await symlink('/etc/passwd', join(project, name, 'link'))
  }
  const json = await line.vulcan(['run', project, '--json'])
  expect(json.code, json.err).toBe(0)
  const { id } = JSON.parse(json.out) as { id: string }
  const path = await line.file('sent.tar.gz', Buffer.from(await archiveOf(id)))
  const listed = execFileSync('tar', ['-tzf', path], { encoding: 'utf8' }).trimEnd().split('\n')
  expect(listed.filter((name) => !name.endsWith('/')).sort()).toEqual(['./main.py', './node_modules/a/index.js'])
  const { out } = await line.vulcan(['run', '--help'])
  for (const name of leftOutNames) expect(out).toContain(name)
})

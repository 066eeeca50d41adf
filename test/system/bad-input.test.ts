/** Bad input: a clear error that names the field, nothing started, nothing left. */
import { mkdtempDisposable, open, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { VulcanError } from '../../src/api/errors.ts'
import type { WorkloadRequest } from '../../src/api/workload.ts'
import { tarGz } from './archives.ts'
import { client, residue, run, server, vulcan } from './harness.ts'

async function refusal(request: unknown, archive?: Blob): Promise<VulcanError> {
  const error: unknown = await run(request as WorkloadRequest, archive).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(VulcanError)
  return error as VulcanError
}

test.each([
  ['a wrong runtime', { runtime: 'cobol', code: 'x' }, 'runtime'],
  ['two sources', { runtime: 'python', code: 'x', code_archive: 'eA==' }, 'code'],
  ['no source', { runtime: 'python' }, 'code'],
  ['an unknown field', { runtime: 'python', code: 'x', colour: 'red' }, 'colour'],
  ['negative cpus', { runtime: 'python', code: 'x', resources: { cpus: -1 } }, 'cpus'],
  ['huge memory', { runtime: 'python', code: 'x', resources: { mem_mb: 1e9 } }, 'mem_mb'],
  ['an empty file', { runtime: 'python', code: '' }, 'code'],
  ['a binary file', { runtime: 'python', code: '\u0000ELF' }, 'code'],
  ['a network that is none', { runtime: 'python', code: 'x', network: 'moon' }, 'network'],
  ['a backend that nobody has', { runtime: 'python', code: 'x', isolation: 'gvisor' }, 'isolation'],
])('%s is refused, naming the field', async (_, request, field) => {
  const error = await refusal(request)
  expect(error.status).toBeGreaterThanOrEqual(400)
  expect(error.status).toBeLessThan(500)
  expect(`${error.field} ${error.message}`).toContain(field)
})

test.each([
  ['a path out of the tree', { name: '../evil.py', content: 'x' }, '../evil.py'],
  ['an absolute path', { name: '/etc/evil', content: 'x' }, '/etc/evil'],
  ['a symbolic link out of the tree', { name: 'link', type: '2' as const, target: '/etc/passwd' }, 'link'],
  ['a hard link out of the tree', { name: 'hard', type: '1' as const, target: '../../etc/passwd' }, 'hard'],
  ['a device', { name: 'null', type: '3' as const }, 'null'],
])('an archive with %s is refused by name', async (_, entry, name) => {
  const archive = tarGz([{ name: 'main.py', content: 'print(1)' }, entry])
  const error = await refusal({ runtime: 'python' }, new Blob([archive]))
  expect(error.code).toBe('archive_unsafe')
  expect(error.message).toContain(name)
})

test('an archive without an entry point, or with too many, is refused naming the candidates', async () => {
  const none = await refusal({ runtime: 'python' }, new Blob([tarGz([{ name: 'readme.md', content: 'x' }])]))
  expect(none.code).toBe('entrypoint_missing')
  const commands = ['a', 'b'].map((name) => ({ name: `${name}/main.go`, content: 'package main\nfunc main() {}\n' }))
  const many = await refusal({ runtime: 'go' }, new Blob([tarGz(commands)]))
  expect(many.code).toBe('entrypoint_ambiguous')
  expect(many.message).toMatch(/a.*b/)
})

test('a corrupt archive is refused', async () => {
  const whole = tarGz([{ name: 'main.py', content: 'print(1)\n'.repeat(10_000) }])
  const error = await refusal({ runtime: 'python' }, new Blob([whole.subarray(0, whole.length / 2)]))
  expect(error.code).toBe('archive_corrupt')
})

test('a 300 MB archive is refused as too large, and nothing of it is kept', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-big-'))
  const path = join(folder.path, 'big.tar')
  const file = await open(path, 'w')
  await file.truncate(300 << 20)
  await file.close()
  const said = await vulcan(['run', '--runtime', 'python', path])
  expect(said.code).toBe(2)
  expect(said.stderr).toMatch(/too large|larger than/)
})

test('the command line refuses files that are missing, empty or binary with status 2', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-bad-'))
  await writeFile(join(folder.path, 'empty.py'), '')
  await writeFile(join(folder.path, 'binary.py'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0]))
  await writeFile(join(folder.path, 'notes.txt'), 'text')
  for (const name of ['missing.py', 'empty.py', 'binary.py', 'notes.txt']) {
    const said = await vulcan(['run', join(folder.path, name)])
    expect(said.code, `${name}: ${said.stderr}`).toBe(2)
    expect(said.stderr).toContain(name)
    expect(said.stdout).toBe('')
  }
})

test('without the key nothing is answered but health', async () => {
  const { url } = await server()
  expect((await fetch(`${url}/v1/workloads`)).status).toBe(401)
  expect((await fetch(`${url}/v1/workloads`, { headers: { authorization: 'Bearer vk_wrong' } })).status).toBe(401)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('after all of these nothing was started and nothing is left', async () => {
  expect((await (await client()).nodes())[0]).toMatchObject({ vms: 0, pending: 0 })
  expect(await residue()).toEqual([])
})

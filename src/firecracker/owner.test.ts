import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exists } from '../base/files.ts'
import { Scope } from '../base/scope.ts'
import { isOurs, namesOf } from './names.ts'
import { giveTo, owned } from './owner.ts'
import { VmIds } from './vmids.ts'

const [one, two] = ['01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e', '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4f'] as const

test('a run’s vm is found by whoever comes later; one that waits for a run, or is another instance’s, is nobody’s', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-owner-'))
  const places = { instance: 'test', home: folder.path }
  expect(await owned(places)).toEqual(new Map())
  for (const vmId of ['test-00000000000a', 'test-00000000000b', 'other-00000000000c']) {
    await mkdir(namesOf(places, vmId).jail, { recursive: true })
  }
  await giveTo(namesOf(places, 'test-00000000000a'), one)
  await giveTo(namesOf(places, 'other-00000000000c'), two)
  expect(await owned(places)).toEqual(new Map([[one, 'test-00000000000a']]))
  expect(await exists(namesOf(places, 'test-00000000000b').owner)).toBe(false)
})

test('a vm serves one run and never another', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-owner-'))
  const names = namesOf({ instance: 'test', home: folder.path }, 'test-00000000000a')
  await mkdir(names.jail, { recursive: true })
  await giveTo(names, one)
  await expect(giveTo(names, two)).rejects.toThrow(/EEXIST/)
})

test('ids of vms are this instance’s, never the same twice, and held while their vm is there', async () => {
  const ids = new VmIds('test')
  const scopes = [new Scope('a'), new Scope('b')] as const
  const [a, b] = [ids.take(scopes[0]), ids.take(scopes[1])]
  expect(a).not.toBe(b)
  expect(isOurs({ instance: 'test', home: '/nowhere' }, a)).toBe(true)
  await scopes[0].close()
  expect([...ids.held]).toEqual([b])
  ids.forget(b)
  expect([...ids.held]).toEqual([])
})

import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lock } from '../base/lock.ts'
import { textOf } from './gc.ts'
import { heldPaths, pathsIn } from './holds.ts'
import { serverLock, writeServerFile } from './serverfile.ts'

const home = () => mkdtempDisposable(join(tmpdir(), 'vulcan-gc-'))

describe('what is in use', () => {
  test('with no server and no machine: nothing', async () => {
    await using folder = await home()
    expect(await heldPaths(folder.path)).toEqual(new Set())
  })

  test('what the server said at its start; a server of an older version did not say', async () => {
    await using folder = await home()
    const file = { url: 'http://127.0.0.1:1', place: 'host', backend: 'fake' } as const
    await writeServerFile(folder.path, { ...file, holds: ['assets/kernel-1'] })
    expect(await heldPaths(folder.path)).toEqual(new Set(['assets/kernel-1']))
    await writeServerFile(folder.path, file)
    expect(await heldPaths(folder.path)).toBeUndefined()
  })

  test('a server that is only starting has not said', async () => {
    await using folder = await home()
    await using _server = await lock(serverLock(folder.path))
    expect(await heldPaths(folder.path)).toBeUndefined()
  })

  test('a machine that is off holds nothing, whatever it was started with', async () => {
    await using folder = await home()
    await mkdir(join(folder.path, 'machine'))
    await writeFile(join(folder.path, 'machine', 'keeper.json'), `["${folder.path}/images/machine-1/rootfs.ext4"]`)
    expect(await heldPaths(folder.path)).toEqual(new Set())
  })

  test('the words QEMU is started with name what it needs; the shelves as a whole are none of it', () => {
    const argv = [
      'qemu',
      '-kernel',
      '/h/assets/machine-kernel-6.1+deb-0a/vmlinux',
      '-drive',
      'file=/h/images/machine-1/rootfs.ext4,if=none',
      '-fsdev',
      'local,path=/h/assets,readonly=on',
    ]
    expect(pathsIn(JSON.stringify({ argv }), '/h')).toEqual(['assets/machine-kernel-6.1+deb-0a', 'images/machine-1'])
  })
})

test('gc says what it removes, with sizes', () => {
  const superseded = [
    { shelf: 'assets', name: 'kernel', folder: 'kernel-1', bytes: 3 << 20 },
    { shelf: 'images', name: 'go', folder: 'go-1', bytes: 5 << 19 },
  ] as const
  const nothing = { leftovers: [], outdated: 0, ready_vms: 0, superseded: [] }
  expect(textOf(nothing)).toBe('removed nothing\n')
  expect(textOf({ ...nothing, outdated: 3 })).toBe('removed 3 outdated workloads\n')
  expect(textOf({ ...nothing, superseded }, { dryRun: true })).toBe(
    'would remove 2 superseded folders (5.5 MiB)\n  assets/kernel-1  3.0 MiB\n  images/go-1  2.5 MiB\n',
  )
})

test('what has no owner is listed with its reason, and what cannot be removed with its trouble, nothing of it raw', () => {
  const since = '2026-01-02T03:04:05.000Z'
  const leftovers = [
    { kind: 'netns', name: '/var/run/netns/v-1', why: 'named as ours', owner: 'run 7', since },
    { kind: 'process', name: '12 (\u001b]0;x\u0007)', why: 'in its cgroup', owner: 'unknown', trouble: 'it is busy' },
  ] as const
  expect(textOf({ leftovers, outdated: 0, ready_vms: 1, superseded: [] })).toBe(
    [
      'removed 2 things that nobody owns, 1 ready vm',
      'KIND     NAME                OWNER    SINCE                     WHY',
      `netns    /var/run/netns/v-1  run 7    ${since}  named as ours`,
      'process  12 (\\x1b]0;x\\x07)   unknown                            in its cgroup; not removed: it is busy',
      '',
    ].join('\n'),
  )
})

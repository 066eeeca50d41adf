import { chown, mkdir, mkdtempDisposable, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtSpawner } from '../base/builtprogram.ts'
import { exists } from '../base/files.ts'
import { Scope } from '../base/scope.ts'
import { Spawner } from '../base/spawner.ts'
import { DiskTemplates } from './disks.ts'
import { closeJail, mountsBelow, prepareJail, removeJail } from './jail.ts'
import { namesOf } from './names.ts'
import { uidRangeOf } from './open.ts'
import { Uids } from './uids.ts'

const { run } = new Spawner(await builtSpawner())
const signal = AbortSignal.timeout(30_000)
const vmId = 'test-5f0a1b2c3d4e'

test('mounts below a folder are found with the last one first, however their paths are escaped', () => {
  const mountinfo = [
    '30 1 8:1 / / rw - ext4 /dev/a rw',
    '31 30 8:1 /x /home/a\\040b/jails/vm/root/kernel ro - ext4 /dev/a rw',
    '32 30 8:1 /y /home/a\\040b/jails/vm/root/rootfs.ext4 ro - ext4 /dev/a rw',
    '33 30 8:1 /z /home/a\\040b/jails/vm2/root/kernel ro - ext4 /dev/a rw',
  ].join('\n')
  expect(mountsBelow(mountinfo, '/home/a b/jails/vm')).toEqual([
    '/home/a b/jails/vm/root/rootfs.ext4',
    '/home/a b/jails/vm/root/kernel',
  ])
})

test('a jail holds what Firecracker opens: shared files read-only, a disk of its own, and goes without a trace', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan jail-'))
  const shared = join(folder.path, 'shared')
  await writeFile(shared, 'the same for all', { mode: 0o444 })
  const disks = new DiskTemplates(join(folder.path, 'disks'))
  const names = namesOf({ instance: 'test', home: folder.path }, vmId)
  const scope = new Scope('jail')
  const files = {
    shared: [
      [shared, '/kernel'],
      [shared, '/rootfs.ext4'],
    ],
    disk: await disks.of(16),
  } as const
  await prepareJail(scope, { run, names, uid: 2_340_718_513, gid: 2_340_718_513, files, signal })
  expect(await readFile(join(names.root, 'rootfs.ext4'), 'utf8')).toBe('the same for all')
  await expect(writeFile(join(names.root, 'kernel'), 'changed')).rejects.toThrow(/EROFS/)
  expect(await stat(join(names.root, 'disk.ext4'))).toMatchObject({ uid: 2_340_718_513, size: 16 << 20 })
  await scope.close()
  expect(await exists(names.jail)).toBe(false)
  expect(mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder.path)).toEqual([])
})

test('a closed jail has no devices and no folder that the vm’s user could make files or links in, and tells still whose it was', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-jail-'))
  const folders = ['/', '/dev', '/dev/net', '/run'].map((name) => join(folder.path, name))
  for (const path of folders) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await chown(path, 12_345, 12_345)
  }
  for (const device of ['/dev/kvm', '/dev/net/tun', '/dev/urandom']) await writeFile(join(folder.path, device), '')
  await closeJail(folder.path)
  expect([await readdir(join(folder.path, 'dev')), await readdir(join(folder.path, 'dev/net'))]).toEqual([
    ['net', 'urandom'],
    [],
  ])
  for (const path of folders) {
    const { uid, gid, mode } = await stat(path)
    expect([uid, gid, mode & 0o777], path).toEqual([0, 12_345, 0o711])
  }
})

test('removing a jail that is not there, or half there, is fine', async () => {
  await expect(removeJail(run, '/nowhere/at/all')).resolves.toBeUndefined()
})

test('a disk template is made once, also for many who ask at once', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-disks-'))
  const disks = new DiskTemplates(folder.path)
  const paths = await Promise.all([disks.of(16), disks.of(16), disks.of(32)])
  expect(new Set(paths).size).toBe(2)
  const { blocks } = await stat(paths[0] ?? '')
  expect(blocks * 512).toBeLessThan(2 << 20)
})

test('no two vms have the same uid, and a freed one rests as long as it can', () => {
  const uids = new Uids({ first: 1000, count: 3 }, 0)
  expect([uids.take(), uids.take()]).toEqual([1000, 1001])
  uids.free(1000)
  expect([uids.take(), uids.take()]).toEqual([1002, 1000])
  expect(() => uids.take()).toThrow(/all 3 uids/)
})

test('a uid of which something is there already is nobody else’s until it is freed', () => {
  const uids = new Uids({ first: 1000, count: 2 }, 0)
  uids.hold(1000)
  expect(uids.take()).toBe(1001)
  expect(() => uids.take()).toThrow(/all 2 uids/)
  uids.free(1000)
  expect(uids.take()).toBe(1000)
})

test('instances have uids of their own, below the largest there is', () => {
  const one = uidRangeOf('vulcan')
  expect(uidRangeOf('other').first).not.toBe(one.first)
  expect(one.first % 65_536).toBe(1_200_000_000 % 65_536)
  expect(1_200_000_000 + 40_000 * 65_536).toBeLessThan(2 ** 32 - 2)
})

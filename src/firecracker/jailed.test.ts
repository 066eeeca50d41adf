import { chmod, mkdir, mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { builtSpawner } from '../base/builtprogram.ts'
import { textIn } from '../base/files.ts'
import { Scope } from '../base/scope.ts'
import { Spawner } from '../base/spawner.ts'
import { hostLimitsOf } from './boot.ts'
import { JailedProcess } from './jailer.ts'
import { findVm } from './recovery.ts'
import { bookIn } from './testing.ts'

const signal = AbortSignal.timeout(20_000)
const { run } = new Spawner(await builtSpawner())

/** A place with a cgroup that is a folder: what the kernel would write there is written by the test. */
async function placeIn(folder: string) {
  const cgroup = join(folder, 'cgroup')
  await mkdir(cgroup)
  const populated = (count: number) => writeFile(join(cgroup, 'cgroup.events'), `populated ${count}\nfrozen 0\n`)
  await populated(1)
  return { place: { cgroup, words: join(folder, 'words') }, populated }
}

/** A jailer that is a script. */
async function optionsWith(folder: string, script: string) {
  const jailer = join(folder, 'jailer')
  await writeFile(jailer, `#!/bin/sh\n${script}\n`)
  await chmod(jailer, 0o755)
  const limits = hostLimitsOf({ vcpus: 1, memMib: 128 }, 64)
  const paths = { firecracker: '/f', chrootBase: '/c', netns: '/n', apiSocket: '/a' }
  return { run, jailer, vmId: 'test-000000000000', uid: 1, gid: 1, parentCgroup: 'p', ...paths, limits }
}

const temporary = () => mkdtempDisposable(join(tmpdir(), 'vulcan-jailed-'))

test('a jailed process ends when its cgroup is empty, whoever its parent is', async () => {
  await using folder = await temporary()
  const { place, populated } = await placeIn(folder.path)
  const options = await optionsWith(folder.path, 'echo out; echo err >&2')
  const started = await JailedProcess.start(options, place, signal)
  const adopted = JailedProcess.adopt(place)
  expect(await Promise.race([started.ended, adopted.ended, Promise.resolve('lives')])).toBe('lives')
  expect(await adopted.lastWords()).toBe('out\nerr')
  await populated(0)
  await Promise.all([started.ended, adopted.ended])
})

test('what needs it alive fails with its last words when it ends, and is told to stop', async () => {
  await using folder = await temporary()
  const { place, populated } = await placeIn(folder.path)
  const started = await JailedProcess.start(await optionsWith(folder.path, 'echo no memory'), place, signal)
  const about = { step: 'configure', what: 'it was configured', signal }
  expect(await started.during(about, () => Promise.resolve('done'))).toBe('done')
  let stopped: AbortSignal | undefined
  const waiting = started.during(about, (inner) => {
    stopped = inner
    return new Promise<never>(() => undefined)
  })
  await populated(0)
  await expect(waiting).rejects.toMatchObject({
    code: 'vm_start_failed',
    step: 'configure',
    message: 'Firecracker ended while it was configured: no memory',
  })
  expect(stopped?.aborted).toBe(true)
})

test('its end is the error also where its closed socket was noticed first; one that lives leaves the error as it was', async () => {
  await using folder = await temporary()
  const { place, populated } = await placeIn(folder.path)
  const started = await JailedProcess.start(await optionsWith(folder.path, 'echo no memory'), place, signal)
  const about = { step: 'restore', what: 'its snapshot was loaded', signal }
  const refused = () => Promise.reject(new Error('no answer'))
  await expect(started.during(about, refused)).rejects.toThrow('no answer')
  const closing = async () => {
    await populated(0)
    await started.ended
    return refused()
  }
  await expect(started.during(about, closing)).rejects.toThrow(
    'Firecracker ended while its snapshot was loaded: no memory',
  )
})

test('a cgroup that is gone is as empty as one can be', async () => {
  await using folder = await temporary()
  const { place } = await placeIn(folder.path)
  await rm(place.cgroup, { recursive: true })
  await expect(JailedProcess.adopt(place).ended).resolves.toBeUndefined()
})

test.each([
  ['fails', 'echo no such user >&2; exit 3', 'the jailer exited with 3: no such user'],
  ['is killed', 'kill -9 $$', 'the jailer was ended by SIGKILL: it said nothing'],
])('a jailer that %s says why', async (_, script, message) => {
  await using folder = await temporary()
  const { place } = await placeIn(folder.path)
  const options = await optionsWith(folder.path, script)
  const failed = { code: 'vm_start_failed', step: 'jailer', message }
  await expect(JailedProcess.start(options, place, signal)).rejects.toMatchObject(failed)
})

test('a jailer that hangs is given up by name, and is gone', async () => {
  await using folder = await temporary()
  const { place } = await placeIn(folder.path)
  const options = await optionsWith(folder.path, 'echo $$; exec sleep 86400')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const starting = JailedProcess.start(options, place, AbortSignal.timeout(600_000))
  starting.catch(() => undefined)
  const pid = await vi.waitUntil(async () => Number(await textIn(place.words)) || undefined)
  vi.advanceTimersByTime(60_000)
  await expect(starting).rejects.toMatchObject({
    code: 'vm_start_failed',
    step: 'jailer',
    message: expect.stringContaining('the jailer did not hand over to Firecracker: unshare --ipc') as string,
  })
  // Dead, or only its entry is left, which is removed with the event that says so.
  await vi.waitUntil(async () => / Z /.test((await textIn(`/proc/${pid}/stat`)) ?? ' Z '))
})

test('a signal to our process group is none of the vm’s', async () => {
  await using folder = await temporary()
  const { place } = await placeIn(folder.path)
  const options = await optionsWith(folder.path, "cut -d' ' -f5 /proc/$$/stat; echo $$")
  const words = await (await JailedProcess.start(options, place, signal)).lastWords()
  const [group, pid] = words.split('\n').map(Number)
  expect(group).toBe(pid)
})

test('where the book has no vm of the run, or nothing runs in it, there is none to go on with', async () => {
  await using folder = await temporary()
  const { book, places } = await bookIn(folder.path)
  const run = '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e'
  expect(await findVm({ book, places }, run)).toBeUndefined()
  const vmId = await book.enter(new Scope('vm'), { kind: 'run', id: run })
  await book.give(vmId, run)
  expect(await findVm({ book, places }, run)).toBeUndefined()
})

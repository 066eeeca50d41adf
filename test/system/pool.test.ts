/** Vms that wait, ready, before anybody asks: given once, never when they are dead, and gone with the server. */
import { beforeEach, expect, test } from 'vitest'
import { sleep } from '../../src/base/time.ts'
import { endServer, nodeHome, onNode, python, settled } from './harness.ts'

/** Folders of jails whose vms nobody owns yet. */
async function waiting(): Promise<string[]> {
  const jails = `${await nodeHome()}/jails/firecracker`
  const text = await onNode(
    `for jail in ${jails}/*/; do [ -d $jail/root ] && ! [ -e $jail/owner ] && echo $jail; done; true`,
  )
  return text.split('\n').filter((line) => line !== '')
}

/** Runs one program after another until one is given a vm that was ready. */
async function pooled() {
  const until = Date.now() + 400_000
  for (;;) {
    const record = await python('print("hello")')
    expect(record).toMatchObject({ status: 'completed', stdout: 'hello\n' })
    if (record.run?.start === 'pool') return record
    expect(Date.now(), 'no run was given a vm that was ready').toBeLessThan(until)
    await sleep(2000)
  }
}

/** Resolves once a vm waits, and nothing else of vms is there. */
async function oneWaits(): Promise<string> {
  const until = Date.now() + 120_000
  for (;;) {
    const [jail, ...more] = await waiting()
    if (jail !== undefined && more.length === 0) return jail
    expect(Date.now(), 'no vm waits').toBeLessThan(until)
    await sleep(500)
  }
}

beforeEach(async () => {
  await pooled()
})

test('a run that is given one begins at once, in a vm of its own, and a drain leaves nothing', async () => {
  await oneWaits()
  const [one, two] = [await pooled(), await pooled()]
  expect(one.run?.vm_id).not.toBe(two.run?.vm_id)
  // Nothing is started: the giving takes no time to speak of, even under emulation.
  expect(one.run?.boot_ms).toBeLessThan(200)
  expect(Object.keys(one.run?.phases_ms ?? {})).not.toContain('network')
  expect(await settled()).toEqual([])
})

test('one whose Firecracker was killed while it waited is given to nobody', async () => {
  const jail = await oneWaits()
  await onNode(`kill -9 $(head -1 /sys/fs/cgroup/vulcan-*/$(basename ${jail})/cgroup.procs)`)
  const record = await python('print("all the same")')
  expect(record).toMatchObject({ status: 'completed', stdout: 'all the same\n' })
  expect(jail).not.toContain(record.run?.vm_id)
  expect(await settled()).toEqual([])
})

test('a server that is killed leaves those that wait to the next one, which removes them', async () => {
  await oneWaits()
  await endServer('KILL')
  expect(await settled()).toEqual([])
})

/** Vms that wait, ready, before anybody asks: given once, never when they are dead, and gone with the server. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { client, endServer, keepReady, nodeHome, onNode, python, settled } from './harness.ts'
import { eventually } from './outside.ts'

/** Folders of jails whose vms nobody owns yet. */
async function waiting(): Promise<string[]> {
  const jails = `${await nodeHome()}/jails/firecracker`
  const text = await onNode(
    `for jail in ${jails}/*/; do [ -d $jail/root ] && ! grep -qs '"run":' /run/vulcan-*/vms/$(basename $jail) && echo $jail; done; true`,
  )
  return text.split('\n').filter((line) => line !== '')
}

/** Runs one program after another until one is given a vm that was ready. */
function pooled() {
  const look = async () => {
    const record = await python('print("hello")')
    expect(record).toMatchObject({ status: 'completed', stdout: 'hello\n' })
    return record.run?.start === 'pool' ? record : undefined
  }
  return eventually('a run that is given a vm that was ready', look, { withinMs: 400_000, everyMs: 2000 })
}

/** Resolves once a vm waits, and nothing else of vms is there. */
function oneWaits(): Promise<string> {
  const look = async () => {
    const [jail, ...more] = await waiting()
    return more.length === 0 ? jail : undefined
  }
  return eventually('one vm that waits', look, { withinMs: 120_000, everyMs: 500 })
}

beforeAll(() => keepReady(2))
afterAll(() => keepReady(0))
beforeEach(async () => {
  // Of other classes, which tests before have used or a server has kept ready from its start, none waits.
  await (await client()).drain()
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

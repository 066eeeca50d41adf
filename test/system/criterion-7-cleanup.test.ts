/** Criterion 7: after a workload, however it ended, nothing of its vm is left. */
import { beforeAll, expect, test } from 'vitest'
import { client, onNode, python, settled, vmPid } from './harness.ts'

beforeAll(async () => {
  expect(await settled(), 'something was left before these tests began').toEqual([])
})

const sleeper = {
  runtime: 'python',
  network: 'internet' as const,
  code: 'print("up", flush=True)\nimport time; time.sleep(600)',
  resources: { timeout_s: 700 },
}

async function started(): Promise<string> {
  const api = await client()
  const { id } = await api.submit(sleeper)
  for await (const event of api.logs(id)) if (event.event === 'stdout') break
  return id
}

async function ended(id: string) {
  const api = await client()
  for await (const event of api.logs(id)) if (event.event === 'end') break
  return api.get(id)
}

test('after success and after failure, with a network', async () => {
  const records = await Promise.all([
    python('pass', { network: 'internet' }),
    python('raise SystemExit(1)', { network: 'host' }),
  ])
  expect(records.map((record) => record.status)).toEqual(['completed', 'failed'])
  expect(await settled()).toEqual([])
})

test('after a kill, which ends the run as killed', async () => {
  const id = await started()
  await (await client()).kill(id)
  expect(await ended(id)).toMatchObject({ status: 'killed', exit: { by: 'killed' }, stdout: 'up\n' })
  expect(await settled()).toEqual([])
})

test('after a kill while the vm was still starting', async () => {
  const api = await client()
  const { id } = await api.submit(sleeper)
  for await (const event of api.logs(id)) if (event.event === 'status') break
  await api.kill(id)
  expect(await ended(id)).toMatchObject({ status: 'killed', exit: { by: 'killed' } })
  expect(await settled()).toEqual([])
})

test('after Firecracker died under the run, which is then vm_lost', async () => {
  const id = await started()
  await onNode(`kill -9 ${vmPid(id)}`)
  expect(await ended(id)).toMatchObject({ status: 'failed', exit: { by: 'vm_lost' }, stdout: 'up\n' })
  expect(await settled()).toEqual([])
})

test('after the host killed the whole vm at once, as its out-of-memory killer would', async () => {
  const id = await started()
  const { run } = await (await client()).get(id)
  expect(run?.vm_id).toBeDefined()
  await onNode(`echo 1 > $(ls /sys/fs/cgroup/vulcan-*/${run?.vm_id}/cgroup.kill)`)
  expect((await ended(id)).exit?.by).toBe('vm_lost')
  expect(await settled()).toEqual([])
})

test('gc finds what a crashed server left, and takes nothing of a run that lives', async () => {
  const id = await started()
  await onNode(
    'mkdir -p $(dirname $(ls -d /var/lib/vulcan/jails))/jails/firecracker/vulcan-00000000dead/root && ip netns add vulcan-00000000dead',
  )
  // The server may have looked by itself in between; leftovers.test.ts tells what is found.
  const troubles = (await (await client()).cleanup()).leftovers.filter(({ trouble }) => trouble !== undefined)
  expect(troubles).toEqual([])
  expect(await onNode('ls /run/netns /var/lib/vulcan/jails/firecracker')).not.toContain('00000000dead')
  expect((await (await client()).get(id)).status).toBe('running')
  await (await client()).kill(id)
  expect((await ended(id)).status).toBe('killed')
  expect(await settled()).toEqual([])
})

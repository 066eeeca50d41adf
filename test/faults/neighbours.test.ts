/** What is not this instance's is nobody's leftover: another instance with a run of its own, and a Firecracker of somebody's. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LeftoverState } from '../../src/api/state.ts'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import {
  client,
  endServer,
  hasMachine,
  nodeHome,
  onNode,
  python,
  settled,
  tryOnNode,
  vulcan,
} from '../system/harness.ts'
import { eventually } from '../system/outside.ts'
import { sleeper } from '../system/probe.ts'
import { root } from '../system/places.ts'

/** Its home: on a disk that may hold devices, which a jail has. */
const neighbour = `${await nodeHome()}/neighbour`
/** Shell words: `other` is the neighbour's command line. It has a home and an instance of its own, and our assets. */
const words = async () => `
  ours=${await nodeHome()}
  export VULCAN_HOME=${neighbour} VULCAN_INSTANCE=neighbour
  other() { node ${(await hasMachine()) ? '/opt/vulcan' : root}/dist/vulcan.js "$@"; }
`
const asNeighbour = async (script: string) => (await onNode((await words()) + script)).trim()

/** The workload of ours that runs beside. */
let mine: string | undefined

beforeAll(async () => {
  expect(await settled(), 'something was left before these tests began').toEqual([])
})

afterAll(async () => {
  await tryOnNode(`
    kill $(cat ${neighbour}/pid)
    while kill -0 $(cat ${neighbour}/pid); do sleep 0.2; done
    kill $(cat ${neighbour}/foreign); rm -rf ${neighbour} /run/vulcan-neighbour /tmp/foreign.sock
    ip link del vulneighbour
    nft list tables | grep neighbour | while read -r _ family name; do nft delete table $family $name; done`)
  if (mine !== undefined) await (await client()).kill(mine)
  expect(await settled(), 'something is left of the neighbour').toEqual([])
})

test('they live on through our cleanup, our crash and our next start, and ours through theirs', async () => {
  const api = await client()
  mine = await sleeper('internet')
  await asNeighbour(`
    mkdir ${neighbour} && ln -s $ours/assets $ours/images ${neighbour}/
    setsid $ours/assets/firecracker-*/firecracker --api-sock /tmp/foreign.sock >/dev/null 2>&1 &
    echo $! >${neighbour}/foreign
    other --set server.port=7979 serve >${neighbour}/log 2>&1 &
    echo $! >${neighbour}/pid`)
  const serves = () => tryOnNode(`test -e ${neighbour}/server.json`).then(({ code }) => (code === 0 ? true : undefined))
  await eventually('the server of the neighbour', serves)
  const code = 'print("up", flush=True)\nimport time; time.sleep(1500)'
  const id = await asNeighbour(`printf '${code}' | other run --runtime python --timeout 1600 --detach -`)
  const record = async () => JSON.parse(await asNeighbour(`other status --json ${id}`)) as WorkloadRecord
  const begun = async () => ((await record()).status === 'pending' ? undefined : record())
  const { status, exit, run } = await eventually('its run', begun, { withinMs: 240_000, everyMs: 2000 })
  expect(status, JSON.stringify(exit)).toBe('running')
  expect((await api.get(mine)).status, 'ours, which was there when the neighbour came').toBe('running')

  const vm = run?.vm_id ?? ''
  expect(vm).toMatch(/^neighbour-/)
  const seen = () =>
    onNode(`
    cat ${neighbour}/foreign /sys/fs/cgroup/vulcan-neighbour/${vm}/cgroup.procs
    kill -0 $(cat ${neighbour}/foreign) && ip netns list | grep ${vm}
    nft list tables | grep neighbour
    find ${neighbour}/jails | sort; grep -F ${neighbour} /proc/self/mountinfo | cut -d' ' -f5 | sort`)
  const before = await seen()
  const cleanup = async () => JSON.parse((await vulcan(['gc', '--json'])).stdout) as { leftovers: LeftoverState[] }
  expect((await cleanup()).leftovers).toEqual([])
  await endServer('KILL')
  expect((await cleanup()).leftovers).toEqual([])
  expect((await python('print(1)', { network: 'internet' })).stdout).toBe('1\n')
  expect(await seen(), 'what is the neighbour’s and nobody’s').toBe(before)
  expect((await record()).status).toBe('running')

  const theirs = JSON.parse(await asNeighbour('other gc --json')) as { leftovers: LeftoverState[] }
  expect(theirs.leftovers).toEqual([])
  expect((await api.get(mine)).status, 'ours, behind the cleanup of the neighbour').toBe('running')
  await asNeighbour(`other kill ${id}`)
  await eventually('the end of its run', async () => ((await record()).status === 'killed' ? true : undefined))
})

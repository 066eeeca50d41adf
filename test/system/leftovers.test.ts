/** Nothing leaks: what has no owner is told with its reason and removed, and nothing of anybody else is touched. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { LeftoverState } from '../../src/api/state.ts'
import { client, keepReady, nodeHome, onNode, python, settled, tryOnNode, vmPid, vulcan } from './harness.ts'
import { eventually } from './outside.ts'

/** Prefix of this instance's names. */
let instance: string
let jails: string
let dead: string
/** The workload that runs beside. */
let sleeper: string | undefined
/** Of another instance, and of nobody's: names that are much like ours. */
let strangers: readonly [string, string, string]

beforeAll(async () => {
  expect(await settled(), 'something was left before these tests began').toEqual([])
  await keepReady(2)
  instance = (await python('pass')).run?.vm_id?.replace(/-[0-9a-f]{12}$/, '') ?? ''
  jails = `${await nodeHome()}/jails/firecracker`
  dead = `${instance}-00000000dead`
  strangers = ['other-00000000dead', `${instance}-not-a-vm`, `x${instance}-00000000dead`]
})

/** What a crash may leave of one vm, made by hand: one of each kind, the process in a cgroup of ours. */
const oneOfEach = () => `
  set -e
  ip netns add ${dead}
  ip -n ${dead} link add eth0 type veth peer name vethdead0001 netns 1
  ip link set vethdead0001 master vul${instance} up
  ip -n ${dead} tuntap add tap0 mode tap
  mkdir -p ${jails}/${dead}/root/run
  mkdir -p ${jails}/${dead}/root/shared && mount --bind /etc ${jails}/${dead}/root/shared
  mkdir /sys/fs/cgroup/vulcan-${instance}/${dead}
  setsid sleep 3600 >/dev/null 2>&1 & echo $! > /sys/fs/cgroup/vulcan-${instance}/${dead}/cgroup.procs
  printf '${dead}\\r\\neth0' > /run/vulcan-${instance}/network/leases/vulcan-${instance}/10.88.200.200
  nft add element bridge vulcan_${instance} ports '{ "vethdead0001" }'
  nft add element bridge vulcan_${instance} guests '{ "vethdead0001" . 02:00:00:00:de:ad . 10.88.200.200 }'
  nft add element inet vulcan_${instance} guests '{ 02:00:00:00:de:ad . 10.88.200.200 : goto internet }'
  touch ${jails}/../../disks/7m.ext4.1.tmp
  mkdir -p ${jails}/../../templates/00000000deadbeef.making
`

const strange = () => `
  set -e
  for name in ${strangers.join(' ')}; do
    ip netns add $name
    mkdir -p ${jails}/$name/root
    mkdir -p /sys/fs/cgroup/vulcan-other/$name
  done
  ip link add vulother type bridge
  ip -n other-00000000dead link add eth0 type veth peer name vethdead0002 netns 1
  ip link set vethdead0002 master vulother
  mount --bind /etc ${jails}/${strangers[2]}/root
  nft 'add table inet vulcan_other; add set inet vulcan_other guests { type ipv4_addr; elements = { 10.88.200.201 }; }'
  setsid sleep 3601 >/dev/null 2>&1 & echo $! > /sys/fs/cgroup/vulcan-other/other-00000000dead/cgroup.procs
`

/** The seconds of each of our sleeping processes. */
const stillSleeping = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -aoE 'sleep 360[01]' | cut -d' ' -f2"

const kinds = (found: readonly LeftoverState[]) => found.map(({ kind }) => kind).toSorted()
const expected = [
  ...['cgroup', 'disk', 'guest_rule', 'guest_rule', 'guest_rule', 'jail', 'lease', 'mount', 'netns', 'process'],
  ...['template', 'veth'],
]

/** Resolves when the server has looked for what nobody owns, by itself: it found something. */
async function looked(): Promise<void> {
  await onNode(`ip netns add ${dead}`)
  await expect
    .poll(async () => (await tryOnNode(`test -e /run/netns/${dead}`)).code, { timeout: 240_000, interval: 500 })
    .toBe(1)
}

afterAll(() => keepReady(0))
// Also before it is tried again.
afterEach(async () => {
  const left = sleeper !== undefined && (await (await client()).get(sleeper)).status === 'running'
  if (left) await (await client()).kill(sleeper as string)
  await tryOnNode(`
    echo 1 > /sys/fs/cgroup/vulcan-other/other-00000000dead/cgroup.kill; umount ${jails}/${strangers[2]}/root; ip link delete vulother; nft delete table inet vulcan_other
    for name in ${strangers.join(' ')}; do
      ip netns delete $name; rm -rf ${jails}/$name
    done
    sleep 1; rmdir /sys/fs/cgroup/vulcan-other/* /sys/fs/cgroup/vulcan-other; true`)
})

test('of each kind, beside a run, ready vms and strangers: exactly ours are listed and removed', async () => {
  const api = await client()
  // Runs of a class make its template, and then vms that wait.
  const waits = async () => {
    await python('pass')
    return (await api.pool()).classes.some(({ ready }) => ready > 0) || undefined
  }
  await eventually('a vm that waits', waits, { withinMs: 400_000, everyMs: 2000 })
  const { id } = await api.submit({
    runtime: 'python',
    network: 'internet',
    code: 'print("up", flush=True)\nimport time; time.sleep(600)',
    resources: { timeout_s: 700 },
  })
  sleeper = id
  for await (const event of api.logs(id)) if (event.event === 'stdout') break
  const firecracker = await onNode(`echo ${vmPid(id)}`)
  expect((await api.leftovers()).leftovers).toEqual([])
  // It looks again only after a while: what is made now is there to be listed.
  await looked()
  await onNode(oneOfEach() + strange())

  const ready = (
    await onNode(`grep -l '"kind":"pool"' /run/vulcan-${instance}/vms/* | xargs -n1 basename | sort | xargs`)
  ).trim()
  expect(ready).toContain(instance)
  const listed = JSON.parse((await vulcan(['gc', '--dry-run', '--json'])).stdout) as { leftovers: LeftoverState[] }
  expect(kinds(listed.leftovers)).toEqual(expected)
  for (const { why, owner } of listed.leftovers) expect([why, owner]).toEqual([expect.stringMatching(/\w/), 'unknown'])
  const names = listed.leftovers.map(({ name }) => name).join('\n')
  for (const stranger of strangers) expect(names).not.toContain(`/${stranger}`)
  expect(names).not.toContain('vethdead0002')

  const removed = JSON.parse((await vulcan(['gc', '--json'])).stdout) as { leftovers: LeftoverState[] }
  expect(kinds(removed.leftovers)).toEqual(expected)
  expect(removed.leftovers.filter(({ trouble }) => trouble !== undefined)).toEqual([])
  expect((await api.leftovers()).leftovers).toEqual([])
  expect((await api.get(id)).status).toBe('running')
  expect(await onNode(`echo ${vmPid(id)}`)).toBe(firecracker)
  const there = await onNode(
    `ls /run/netns ${jails} /sys/fs/cgroup/vulcan-other; ip -br link; nft list ruleset; cat /sys/fs/cgroup/vulcan-other/other-00000000dead/cgroup.procs; cat /proc/self/mountinfo`,
  )
  for (const stranger of strangers) expect(there.split(stranger).length, stranger).toBeGreaterThanOrEqual(4)
  expect(there).toContain('vethdead0002')
  expect(there).toContain('10.88.200.201')
  expect(there).not.toMatch(new RegExp(`\\b${dead}`))
  expect(there).not.toContain('vethdead0001')
  expect(there).not.toContain('10.88.200.200')
  expect(await onNode(stillSleeping)).toBe('3601\n')
  // Of those that waited, one or the other may have given way to a class that is asked for; the book knows.
  const look = () =>
    onNode(`
      cd /sys/fs/cgroup/vulcan-${instance}
      for vm in ${ready}; do
        [ -e /run/vulcan-${instance}/vms/$vm ] && { [ -d $vm ] && echo waits || echo $vm is not whole; }
      done; true`)
  await expect.poll(look, { timeout: 60_000, message: 'vms that wait' }).toMatch(/^(waits\n)+$/)
  await api.kill(id)
  for await (const event of api.logs(id)) if (event.event === 'end') break
  expect((await api.get(id)).exit?.by).toBe('killed')
})

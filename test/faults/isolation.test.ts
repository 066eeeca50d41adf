/**
 * What a guest that has broken out into its VMM would find there: no more than SECURITY.md lists. Seen by a probe in the
 * VMM's place, in two vms that live at once, and in one that went on from a template.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { sleep } from '../../src/base/time.ts'
import { client, nodeHome, onNode, python, vmPid } from '../system/harness.ts'
import { root } from '../system/places.ts'
import {
  bringProbe,
  filtersOf,
  hogFrom,
  limitsOf,
  lookFrom,
  sleeper,
  type Sight,
  type Targets,
} from '../system/probe.ts'

/** Asked for by no other test, so that nobody makes a template of it. */
const unusual = (n: number) => ({ mem_mb: 130 + n })

interface Looked {
  readonly record: WorkloadRecord
  readonly sight: Sight
}
/** Of two vms at once. */
let one: Looked
let two: Looked
let targets: Targets

beforeAll(async () => {
  await bringProbe()
  const ids = await Promise.all([sleeper('internet', unusual(1)), sleeper('none', unusual(2))])
  targets = await targetsOnNode(...ids)
  one = await lookedFrom(ids[0])
  two = await lookedFrom(ids[1])
})

afterAll(async () => {
  const api = await client()
  for (const { record } of [one, two]) await api.kill(record.id).catch(() => undefined)
})

async function lookedFrom(id: string): Promise<Looked> {
  return { record: await (await client()).get(id), sight: await lookFrom(id, targets) }
}

/** All that listens, runs and lies on the node and is none of a vm's business, and both vms' own things. */
async function targetsOnNode(...ids: readonly string[]): Promise<Targets> {
  const home = await nodeHome()
  const lines = async (script: string) => (await onNode(script)).split('\n').filter((line) => line !== '')
  const listening = await lines("ss -tlnH | awk '{print $4}' | sed 's/.*://' | sort -u")
  const addresses = await lines("ip -4 -o addr | awk '{print $4}' | cut -d/ -f1")
  const api = await client()
  const guests = (await Promise.all(ids.map((id) => api.get(id)))).flatMap(
    ({ run }) => run?.details?.network.nic?.address.split('/')[0] ?? [],
  )
  const ports = ['22', '80', ...listening]
  return {
    unix: await lines(`awk 'NR > 1 && $8 != "" { print $8 }' /proc/net/unix; find ${home}/jails -type s`),
    tcp: [...addresses, ...guests, '169.254.169.254'].flatMap((address) => ports.map((port) => `${address}:${port}`)),
    pids: (await lines('ls /proc')).map(Number).filter((pid) => pid > 0),
    files: await lines(
      `find ${home}/jails ${home}/templates ${home}/key ${home}/server.json /run/vulcan-* -type f; ls ${home}/*.db`,
    ),
  }
}

const sights = (): [string, Sight][] => [
  ['with a network', one.sight],
  ['without', two.sight],
]

/** The rows of a table of SECURITY.md, by the words of its head. */
function tableOf(...head: readonly string[]): string[][] {
  const lines = readFileSync(join(root, 'SECURITY.md'), 'utf8').split('\n')
  const at = lines.indexOf(`| ${head.join(' | ')} |`)
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'))
  return lines.slice(at + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Sees to it that the probe saw the files that SECURITY.md lists, and could do with them what it says. */
function expectFiles({ paths }: Sight, start: 'booted' | 'restored'): void {
  const seen = paths.map(({ path, kind, read, write }) => {
    const may = [...(read === 'ok' ? ['read'] : []), ...(write === 'ok' ? ['written'] : [])]
    const words = kind === 'socket' && may.length > 0 ? 'connected to' : may.join(', ')
    return `\`${path}\` ${kind}: ${words || 'seen'}`
  })
  const due = tableOf('path', 'is', 'may be', 'of a vm that').filter(([, , , of]) => of === 'any' || of === start)
  expect(due.length).toBeGreaterThan(10)
  expect(seen.toSorted()).toEqual(due.map(([path, is, may]) => `${path} ${is}: ${may}`).toSorted())
}

test('an escaped VMM sees the files of its own jail alone, and may change its disk alone', () => {
  expect(sights()).toHaveLength(2)
  for (const [, sight] of sights()) expectFiles(sight, 'booted')
})

test('an escaped VMM is a user without rights, groups or files of others, and no two have the same', () => {
  const uids = new Set(sights().map(([, { user }]) => user.uid))
  expect(uids).toEqual(new Set([one, two].map(({ record }) => record.run?.details?.uid)))
  expect(uids.size).toBe(2)
  for (const [kind, { user }] of sights()) {
    expect(user, kind).toMatchObject({ gid: user.uid, no_new_privileges: true, capabilities: [0, 0, 0, 0, 0, 0] })
    expect(user.groups ?? []).toEqual([])
  }
})

test('an escaped VMM sees no process but its own, and can signal no other', () => {
  expect(targets.pids.length).toBeGreaterThan(10)
  // The first of its namespace is the VMM itself.
  for (const [kind, { processes }] of sights()) expect(processes, kind).toEqual([{ pid: 1, signal: 'ok' }])
})

test('an escaped VMM reaches no socket, port, guest, metadata or file of anybody else', () => {
  expect(targets.unix.length).toBeGreaterThan(2)
  expect(targets.files.length).toBeGreaterThan(5)
  // Names as Firecracker gave them, in its root: the paths of its own sockets.
  const own = ['/run/api.sock', '/run/v.sock']
  for (const [kind, { reached }] of sights()) {
    const open = Object.entries(reached).filter(([name, outcome]) => outcome === 'ok' && !own.includes(name))
    expect(open, `${kind}: ${JSON.stringify(open)}`).toEqual([])
  }
  expect(one.sight.interfaces.toSorted()).toEqual(['eth0', 'lo', 'tap0'])
  expect(two.sight.interfaces).toEqual(['lo'])
})

test('an escaped VMM may do what SECURITY.md says, were there no filter of system calls', () => {
  const told = tableOf('act', 'outcome')
  expect(told.length).toBeGreaterThan(15)
  for (const [kind, { acts, ipc }] of sights()) {
    const due = told.map(([act, outcome = '']) => [act, outcome.replaceAll('`', '').split(' or ')] as const)
    expect(Object.keys(acts).toSorted(), kind).toEqual(due.map(([act]) => String(act)).toSorted())
    const wrong = due.filter(([act = '', outcomes]) => !outcomes.includes(acts[act] ?? ''))
    expect(wrong, wrong.map(([act = '']) => `${kind}: ${act}: ${acts[act]}`).join(', ')).toEqual([])
    expect(ipc ?? [], kind).toEqual([])
  }
})

test('every thread of Firecracker has a filter that lets none of these calls through', async () => {
  const told = tableOf('call', 'threads it is open to')
  for (const { record } of [one, two]) {
    const threads = await filtersOf(record.id)
    expect(threads.length).toBeGreaterThanOrEqual(3)
    for (const { name, filters } of threads) expect(filters, name).toBeGreaterThan(0)
    // A thread that is the kernel's own runs nothing of the vm's.
    const own = threads.filter(({ name }) => !name.startsWith('kvm-'))
    const open = own.flatMap(({ name, allowed }) => allowed.map((call) => `\`${call}\` ${name.replace(/ \d+$/, '')}`))
    const due = told.flatMap(([call, names = '']) => names.split(', ').map((name) => `${call} ${name}`))
    expect([...new Set(open)].toSorted(), open.join(', ')).toEqual(due.toSorted())
  }
})

test('Firecracker holds nothing open but devices, its own files and its words', async () => {
  for (const { record } of [one, two]) {
    const held = await onNode(`for fd in /proc/${vmPid(record.id)}/fd/*; do readlink $fd; done`)
    const jail = new RegExp(`/jails/firecracker/${record.run?.vm_id}/(words|root/)`)
    const own =
      /^(\/dev\/(null|kvm|net\/tun|urandom)( \(deleted\))?|(socket|pipe):\[\d+\]|anon_inode:\[?[\w:-]+\]?|\/(disk|rootfs)\.ext4|\/(kernel|initramfs|memory|state))$/
    const others = held.split('\n').filter((path) => path !== '' && !own.test(path) && !jail.test(path))
    expect(others, others.join(', ')).toEqual([])
  }
})

test('the limits of a vm’s process hold: descriptors, size of files, processes, and files where files may be made', async () => {
  const { uid } = (await (await client()).get(two.record.id)).run?.details ?? {}
  expect(uid).toBeGreaterThan(60_000)
  const bounds = await limitsOf(two.record.id)
  expect(bounds.descriptors).toBeGreaterThan(1000)
  expect(bounds.descriptors).toBeLessThanOrEqual(2048)
  expect(bounds).toMatchObject({ file_end: 'EFBIG', processes_end: 'EAGAIN', files: 0, files_end: 'EACCES', bytes: 0 })
  expect(bounds.file_bytes).toBeLessThanOrEqual(1 << 30)
  expect(bounds.processes).toBeLessThan(64)
  const io = await onNode(`cat /sys/fs/cgroup$(cut -d: -f3 /proc/${vmPid(two.record.id)}/cgroup)/io.max`)
  expect(io).toMatch(/rbps=\d+ wbps=\d+/)
})

test('memory that a vm’s process takes beyond its cgroup’s is not had: it is ended, and the other vm goes on', async () => {
  const group = `/sys/fs/cgroup$(cut -d: -f3 /proc/${vmPid(one.record.id)}/cgroup)`
  const killed = async () => Number(/oom_kill (\d+)/.exec(await onNode(`cat ${group}/memory.events`))?.[1])
  expect(await killed()).toBe(0)
  expect(await hogFrom(one.record.id)).toContain('signal: killed')
  expect(await killed()).toBeGreaterThan(0)
  const [peak = NaN, limit = NaN] = (await onNode(`cat ${group}/memory.peak ${group}/memory.max`))
    .split('\n')
    .map(Number)
  // Who is being ended may take some pages beyond it.
  expect(peak - limit, `${peak} of ${limit} bytes`).toBeLessThan(16 << 20)
  expect((await (await client()).get(two.record.id)).status).toBe('running')
})

test('of a vm that went on from a template it is the same, and of the template nothing can be changed', async () => {
  // A class that is used again gets one.
  while ((await python('pass')).run?.start === 'boot') await sleep(1000)
  const { record, sight } = await lookedFrom(await sleeper('none'))
  try {
    expect(record.run?.start).toBe('restore')
    expectFiles(sight, 'restored')
    expect(sight.user).toMatchObject({ uid: record.run?.details?.uid, capabilities: [0, 0, 0, 0, 0, 0] })
    expect(sight.acts).toEqual(two.sight.acts)
    expect(sight.processes).toEqual([{ pid: 1, signal: 'ok' }])
    for (const { filters } of await filtersOf(record.id)) expect(filters).toBeGreaterThan(0)
  } finally {
    await (await client()).kill(record.id)
  }
})

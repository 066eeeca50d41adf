/** Criterion 2: microVMs boot with the kernel and the root file systems that Vulcan built, jailed with everything on. */
import { expect, test } from 'vitest'
import { client, onNode, python, vmPid } from './harness.ts'

test('a program runs in a kernel and a root file system of its own', async () => {
  const record = await python(`
import json, os, platform
def read(path):
    with open(path) as f: return f.read()
root = [line.split() for line in read('/proc/mounts').splitlines() if line.split()[1] == '/'][-1]
print(json.dumps({'kernel': platform.release(), 'id': read('/etc/os-release'), 'root': root[2], 'cpus': os.cpu_count()}))
`)
  expect(record).toMatchObject({ status: 'completed', exit: { by: 'program', code: 0 } })
  const seen = JSON.parse(record.stdout) as { kernel: string; id: string; root: string; cpus: number }
  expect(seen.kernel).not.toBe((await onNode('uname -r')).trim())
  expect(seen.id).toContain('trixie')
  expect(seen.root).toBe('overlay')
  expect(seen.cpus).toBe(1)
})

test('the record says how the vm was started and how long each phase took', async () => {
  const { run } = await python('pass')
  expect(run).toMatchObject({ backend: 'firecracker', vsock: { status: 'closed' } })
  expect(run?.start).toMatch(/^(boot|restore)$/)
  expect(run?.vm_id).toMatch(/^[a-z0-9]+-[0-9a-f]{12}$/)
  expect(run?.boot_ms).toBeGreaterThan(0)
  expect(run?.vsock.rtt_us).toBeGreaterThan(0)
  expect(run?.details).toMatchObject({ kernel: expect.stringMatching(/^6\./) as string, network: { mode: 'none' } })
  for (const phase of ['queue', 'vm', 'upload', 'program'])
    expect(run?.phases_ms[phase], phase).toBeGreaterThanOrEqual(0)
})

test('the running vm is jailed: own user, namespaces, cgroup with limits, seccomp, no new privileges, chroot', async () => {
  const api = await client()
  const { id } = await api.submit({
    runtime: 'python',
    network: 'none',
    resources: { timeout_s: 600 },
    code: 'print("up", flush=True)\nimport time; time.sleep(600)',
  })
  for await (const event of api.logs(id)) if (event.event === 'stdout') break
  try {
    const facts = await onNode(`
      pid=${vmPid(id)}; cat /proc/$pid/status; echo "root: $(readlink /proc/$pid/root)"; echo "cgroup: $(cat /proc/$pid/cgroup)"
      group=/sys/fs/cgroup$(cut -d: -f3 /proc/$pid/cgroup)
      for file in memory.max memory.swap.max pids.max cpu.max; do echo "$file: $(cat $group/$file)"; done
      for ns in pid net mnt; do [ "$(readlink /proc/$pid/ns/$ns)" != "$(readlink /proc/1/ns/$ns)" ] && echo "own $ns"; done; true`)
    expect(facts).toMatch(/^Seccomp:\s+2$/m)
    expect(facts).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(facts).toMatch(/^CapEff:\s+0+$/m)
    expect(Number(/^Uid:\s+(\d+)/m.exec(facts)?.[1])).toBeGreaterThan(60_000)
    expect(facts).toMatch(/^cgroup: 0::\/vulcan-\w+\/\w+-[0-9a-f]{12}$/m)
    expect(facts).toMatch(/^memory.max: \d+$/m)
    expect(facts).toMatch(/^memory.swap.max: 0$/m)
    expect(facts).toMatch(/^pids.max: \d+$/m)
    expect(facts).toMatch(/^cpu.max: 125000 100000$/m)
    for (const ns of ['pid', 'net', 'mnt']) expect(facts).toContain(`own ${ns}`)
  } finally {
    await api.kill(id)
  }
})

test('two vms at once have different users, cgroups and machines', async () => {
  const api = await client()
  const code = 'print("up", flush=True)\nimport time; time.sleep(600)'
  const started = [0, 1].map(async () => {
    const { id } = await api.submit({ runtime: 'python', network: 'none', resources: { timeout_s: 600 }, code })
    for await (const event of api.logs(id)) if (event.event === 'stdout') break
    return id
  })
  const ids = await Promise.all(started)
  try {
    const uids = await onNode(`for pid in ${ids.map(vmPid).join(' ')}; do grep ^Uid /proc/$pid/status | cut -f2; done`)
    const distinct = new Set(uids.trim().split('\n'))
    expect(distinct.size).toBe(2)
  } finally {
    await Promise.all(ids.map((id) => api.kill(id)))
  }
})

/** Criterion 3: CNI makes a tap and gives connectivity, exactly as much as the network mode says. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { client, onNode, python, tryOnNode, vulcan } from './harness.ts'
import { buildInternet, internet, removeInternet, uplink } from './internet.ts'

/** Longer than a test: under emulation another vm takes its time. */
const patient = { timeout_s: 600 }

beforeAll(buildInternet)
afterAll(removeInternet)

/** Tries each target from inside a vm; tells for each what came and how long it took. */
const probe = (targets: Record<string, string>) => `
import json, socket, time, urllib.request
out = {}
for name, target in ${JSON.stringify(targets)}.items():
    begun = time.time()
    try:
        if target.startswith('http'): word = urllib.request.urlopen(target, timeout=20).read().decode().strip()
        else:
            host, port = target.split(':'); socket.create_connection((host, int(port)), timeout=20).close(); word = 'connected'
    except Exception as e:
        word = str(getattr(e, 'reason', e))
    out[name] = {'word': word, 'seconds': time.time() - begun}
print(json.dumps(out))
`

/** Tries each target by TCP and by UDP, which is told of a refusal by the next thing it does. */
const probeBoth = (targets: Record<string, string>) => `
import json, socket, time
out = {}
def tried(name, act):
    begun = time.time()
    try: word = act()
    except Exception as e: word = str(e)
    out[name] = {'word': word, 'seconds': time.time() - begun}
def tcp(where):
    socket.create_connection(where, timeout=20).close()
    return 'connected'
def udp(where):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(where)
    s.settimeout(1)
    # The kernel grants a guest few ICMP messages a second.
    for _ in range(20):
        s.send(b'x')
        try: return s.recv(100).decode()
        except socket.timeout: pass
    return 'silent'
for name, target in ${JSON.stringify(targets)}.items():
    where = (target.split(':')[0], int(target.split(':')[1]))
    tried(name + ' udp', lambda: udp(where))
    tried(name + ' tcp', lambda: tcp(where))
print(json.dumps(out))
`

type Probed = Record<string, { word: string; seconds: number }>
const refusedAtOnce = {
  word: expect.stringMatching(/refused|unreachable|prohibited|reset|no route/i) as string,
  seconds: expect.toSatisfy((s: number) => s < 10) as number,
}

/** What the record says was refused, a line each, in order of the lines. */
const refusals = ({ run }: WorkloadRecord): string[] =>
  (run?.network?.denied ?? [])
    .map(({ rule, protocol, address, port, count }) => `${rule} ${protocol} ${address}:${port} ${count}`)
    .toSorted()

test('with internet a vm gets out by NAT, and private, metadata and host addresses are refused at once', async () => {
  const record = await python(
    probe({
      out: `http://${internet.first}/`,
      metadata: '169.254.169.254:80',
      private: '10.1.2.3:80',
      gateway: '10.88.0.1:80',
      host: `${uplink}:80`,
      machine: '10.0.2.15:7777',
    }),
    { network: 'internet' },
  )
  expect(record.status, record.stderr).toBe('completed')
  const seen = JSON.parse(record.stdout) as Probed
  expect(seen['out']?.word).toBe(`from ${internet.first}`)
  for (const name of ['metadata', 'private', 'gateway', 'host', 'machine'])
    expect(seen[name], name).toMatchObject(refusedAtOnce)
  expect(refusals(record)).toEqual([
    'host tcp 10.0.2.15:7777 1',
    'host tcp 10.88.0.1:80 1',
    'host tcp 198.51.100.1:80 1',
    'metadata tcp 169.254.169.254:80 1',
    'private tcp 10.1.2.3:80 1',
  ])
  expect(record.run?.network?.denied_others).toBe(0)
})

/** Another instance's bridge with a guest on it, and a server on all addresses of the node; each listens. */
const neighbours = { bridge: '10.99.0.1', guest: '10.99.0.5', port: 8097 } as const

test('whatever a list says: no metadata, host port, other bridge or guest of one, by TCP or UDP, and that at once', async () => {
  const { bridge, guest, port } = neighbours
  const pids = await onNode(`
    ip link add othr0 type bridge && ip addr add ${bridge}/16 dev othr0 && ip link set othr0 up && ip netns add othr-test &&
    ip link add othr1 type veth peer name eth0 netns othr-test && ip link set othr1 master othr0 up &&
    ip -n othr-test addr add ${guest}/16 dev eth0 && ip -n othr-test link set eth0 up &&
    ip -n othr-test route add default via ${bridge} &&
    { ip netns exec othr-test setsid busybox httpd -f -h /tmp/inet/${internet.first} -p ${guest}:${port} >/dev/null 2>&1 & echo $!; } &&
    { setsid busybox httpd -f -h /tmp/inet/${internet.first} -p ${port} >/dev/null 2>&1 & echo $!; }`)
  try {
    // It listens a moment after it was started.
    const answer = () => tryOnNode(`busybox wget -qO- http://${guest}:${port}/`).then(({ stdout }) => stdout)
    await expect.poll(answer, { timeout: 60_000, interval: 500 }).toBe(`from ${internet.first}\n`)
    const places = {
      metadata: '169.254.169.254',
      gateway: '10.88.0.1',
      host: uplink,
      machine: '10.0.2.15',
      bridge,
      guest,
    }
    const targets = Object.entries(places).map(([name, address]) => [name, `${address}:${port}`])
    const record = await python(probeBoth(Object.fromEntries(targets) as Record<string, string>), {
      network: { mode: 'internet', allow: ['0.0.0.0/1', '128.0.0.0/1'] },
    })
    expect(record.status, record.stderr).toBe('completed')
    const seen = JSON.parse(record.stdout) as Probed
    expect(Object.keys(seen)).toHaveLength(12)
    for (const [name, tried] of Object.entries(seen)) expect(tried, name).toMatchObject(refusedAtOnce)
    const rules = {
      metadata: 'metadata',
      gateway: 'host',
      host: 'host',
      machine: 'host',
      bridge: 'host',
      guest: 'private',
    }
    const wanted = targets.flatMap(([name = '', target]) =>
      ['tcp', 'udp'].map((protocol) => `${rules[name as keyof typeof rules]} ${protocol} ${target}`),
    )
    expect(refusals(record).map((line) => line.replace(/ \d+$/, ''))).toEqual(wanted.toSorted())
  } finally {
    await onNode(`kill ${pids.trim().split('\n').join(' ')}; ip netns del othr-test; ip link del othr0; true`)
  }
})

test('more connections than one vm may open are refused by name', async () => {
  const code = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1000, 9000):
    try: s.sendto(b'x', ('${internet.second}', port))
    except OSError: pass`
  const record = await python(code, { network: 'internet' })
  expect(record.status, record.stderr).toBe('completed')
  expect(refusals(record).filter((line) => line.startsWith(`limit udp ${internet.second}:`))).not.toEqual([])
})

test('another guest is refused at once, although it listens, and is named', async () => {
  const api = await client()
  const listens = `
import socket, time
s = socket.create_server(('0.0.0.0', 8000))
print('up', flush=True)
time.sleep(600)`
  const { id } = await api.submit({ runtime: 'python', code: listens, network: 'internet', resources: patient })
  for await (const { event } of api.logs(id)) if (event === 'stdout') break
  const other = (await api.get(id)).run?.details?.network.nic?.address.replace(/\/.*/, '') ?? ''
  expect(other).toMatch(/^10\.88\./)
  const record = await python(probe({ other: `${other}:8000` }), { network: 'internet' })
  expect((JSON.parse(record.stdout) as Probed)['other']).toMatchObject(refusedAtOnce)
  expect(refusals(record)).toEqual([`guest tcp ${other}:8000 1`])
  expect((await api.get(id)).run?.network).toBeUndefined()
  await api.kill(id)
})

test('what is refused is told while the program runs, with a hint, and on the terminal', async () => {
  const api = await client()
  const code = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'x', ('192.168.7.7', 53))
time.sleep(600)`
  const { id } = await api.submit({ runtime: 'python', code, network: 'internet', resources: patient })
  const words = { address: '192.168.7.7', port: 53, protocol: 'udp', rule: 'private' }
  for await (const { event, data } of api.logs(id)) {
    if (event !== 'denied') continue
    expect(data).toMatchObject({ ...words, hint: expect.stringContaining('never reached') as string })
    break
  }
  await api.kill(id)
  const file = 'import urllib.request as u\ntry: u.urlopen("http://169.254.169.254/latest")\nexcept OSError: pass'
  const said = await vulcan(['run', '--runtime', 'python', '-'], { input: file })
  expect(said.stderr).toContain('vulcan: 1 connection was refused: 169.254.169.254:80 (metadata)')
})

test('a program that uses the network as it may has nothing of it in its record', async () => {
  const record = await python(probe({ out: `http://${internet.first}/` }), { network: 'internet' })
  expect((JSON.parse(record.stdout) as Probed)['out']?.word).toBe(`from ${internet.first}`)
  expect(record.run?.network).toBeUndefined()
})

test('an allow list opens what it names and nothing else', async () => {
  const request = { network: { mode: 'internet' as const, allow: [`${internet.first}/32`] } }
  const record = await python(probe({ named: `http://${internet.first}/`, other: '203.0.113.9:80' }), request)
  const seen = JSON.parse(record.stdout) as Probed
  expect(seen['named']?.word).toBe(`from ${internet.first}`)
  expect(seen['other']).toMatchObject(refusedAtOnce)
  expect(refusals(record)).toEqual(['allow tcp 203.0.113.9:80 1'])
})

test('with host the gateway is reached and nothing beyond it', async () => {
  const listener = await onNode(
    `setsid busybox httpd -f -h /tmp/inet/${internet.first} -p 10.88.0.1:8099 >/dev/null 2>&1 & echo $!`,
  )
  try {
    const record = await python(probe({ gateway: 'http://10.88.0.1:8099/', out: `${internet.first}:80` }), {
      network: 'host',
    })
    expect(record.status, record.stderr).toBe('completed')
    const seen = JSON.parse(record.stdout) as Probed
    expect(seen['gateway']?.word).toBe(`from ${internet.first}`)
    expect(seen['out']).toMatchObject(refusedAtOnce)
    expect(refusals(record)).toEqual([`mode tcp ${internet.first}:80 1`])
  } finally {
    await onNode(`kill ${listener}`)
  }
})

test('with none there is no interface but loopback', async () => {
  const record = await python(`import os; print(sorted(os.listdir('/sys/class/net')))`, { network: 'none' })
  expect(record.stdout.trim()).toBe("['lo']")
})

test('the guest’s address, tap and bridge port exist while it runs', async () => {
  const code = `
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(socket.inet_ntoa(fcntl.ioctl(s.fileno(), 0x8915, struct.pack('256s', b'eth0'))[20:24]))
print(open('/etc/resolv.conf').read())`
  const record = await python(code, { network: 'host' })
  expect(record.stdout).toMatch(/^10\.88\.\d+\.\d+\n/)
})

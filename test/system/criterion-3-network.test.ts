/** Criterion 3: CNI makes a tap and gives connectivity, exactly as much as the network mode says. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { client, onNode, python, vulcan } from './harness.ts'
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

type Probed = Record<string, { word: string; seconds: number }>
const refusedAtOnce = {
  word: expect.stringMatching(/refused|unreachable|prohibited|reset/i) as string,
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

/** Criterion 3: CNI makes a tap and gives connectivity, exactly as much as the network mode says. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onNode, python } from './harness.ts'

/** A host of "the internet": a namespace with a documentation address that answers HTTP. */
const internet = '198.51.100.2'

beforeAll(async () => {
  await onNode(`
    ip netns add inet-test && ip link add inet0 type veth peer name eth0 netns inet-test &&
    ip addr add 198.51.100.1/24 dev inet0 && ip link set inet0 up &&
    ip -n inet-test addr add ${internet}/24 dev eth0 && ip -n inet-test link set eth0 up && ip -n inet-test link set lo up &&
    mkdir -p /tmp/inet && echo from the internet > /tmp/inet/index.html &&
    ip netns exec inet-test busybox httpd -h /tmp/inet -p ${internet}:80`)
})

afterAll(async () => {
  await onNode(`ip netns pids inet-test | xargs -r kill; ip netns del inet-test; ip link del inet0 2>/dev/null; true`)
})

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

test('with internet a vm gets out by NAT, and private, metadata and host addresses are refused at once', async () => {
  const record = await python(
    probe({
      out: `http://${internet}/`,
      metadata: '169.254.169.254:80',
      private: '10.1.2.3:80',
      gateway: '10.88.0.1:80',
      host: '198.51.100.1:80',
      machine: '10.0.2.15:7777',
    }),
    { network: 'internet' },
  )
  expect(record.status, record.stderr).toBe('completed')
  const seen = JSON.parse(record.stdout) as Probed
  expect(seen['out']?.word).toBe('from the internet')
  for (const name of ['metadata', 'private', 'gateway', 'host', 'machine'])
    expect(seen[name], name).toMatchObject(refusedAtOnce)
})

test('an allow list opens what it names and nothing else', async () => {
  const request = { network: { mode: 'internet' as const, allow: [`${internet}/32`] } }
  const record = await python(probe({ named: `http://${internet}/`, other: '203.0.113.9:80' }), request)
  const seen = JSON.parse(record.stdout) as Probed
  expect(seen['named']?.word).toBe('from the internet')
  expect(seen['other']).toMatchObject(refusedAtOnce)
})

test('with host the gateway is reached and nothing beyond it', async () => {
  const listener = await onNode('setsid busybox httpd -f -h /tmp/inet -p 10.88.0.1:8099 >/dev/null 2>&1 & echo $!')
  try {
    const record = await python(probe({ gateway: 'http://10.88.0.1:8099/', out: `${internet}:80` }), {
      network: 'host',
    })
    expect(record.status, record.stderr).toBe('completed')
    const seen = JSON.parse(record.stdout) as Probed
    expect(seen['gateway']?.word).toBe('from the internet')
    expect(seen['out']).toMatchObject(refusedAtOnce)
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

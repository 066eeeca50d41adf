/** Names of an allow list, from inside a vm: what they lead to is reached for as long as they say, and nothing else is. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Denied } from '../../src/api/denial.ts'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { mostDenials } from '../../src/backend/denial.ts'
import { client, endServer, python } from '../system/harness.ts'
import { buildInternet, internet, know, removeInternet, startNameServer } from '../system/internet.ts'

/** Longer than a test: under emulation another vm takes its time. */
const patient = { timeout_s: 600 }
const listed = (...allow: string[]) => ({ network: { mode: 'internet' as const, allow } })

beforeAll(async () => {
  await buildInternet()
  await startNameServer({
    'first.example': [60, internet.first],
    'deep.below.example': [60, internet.second],
    'metadata.example': [60, '169.254.169.254'],
    'half.example': [60, '10.1.2.3', internet.second],
  })
})
afterAll(removeInternet)

/** What a program needs to try: `fetch` and `lookup` tell what came, or how it failed, and after how many seconds. */
const tools = `
import json, socket, time, urllib.request
def timed(act):
    begun = time.time()
    try: word = act()
    except Exception as e: word = str(getattr(e, 'reason', e))
    return {'word': word, 'seconds': time.time() - begun}
def fetch(host):
    return timed(lambda: urllib.request.urlopen(f'http://{host}/', timeout=20).read().decode().strip())
def lookup(name):
    return timed(lambda: sorted({found[4][0] for found in socket.getaddrinfo(name, 80)}))
`

type Tried = Record<string, { word: string | string[]; seconds: number }>
const triedBy = (record: WorkloadRecord): Tried => {
  expect(record.status, record.stderr).toBe('completed')
  return JSON.parse(record.stdout) as Tried
}
const unknownAtOnce = {
  word: expect.stringContaining('Name or service not known') as string,
  seconds: expect.toSatisfy((s: number) => s < 4) as number,
}

/** What the record says was refused, a line each, in order of the lines. */
const refusals = ({ run }: WorkloadRecord): string[] =>
  (run?.network?.denied ?? [])
    .map(({ rule, protocol, host, address }) => [rule, protocol, host, address].filter(Boolean).join(' '))
    .toSorted()

test('a name on the list is reached, by itself and by a pattern; what is refused is refused at once, and told', async () => {
  const code = `${tools}
print(json.dumps({
    'closed': fetch('${internet.first}'),
    'named': fetch('first.example'),
    'open': fetch('${internet.first}'),
    'below': fetch('deep.below.example'),
    'other': lookup('other.example'),
    'above': lookup('below.example'),
    'metadata': lookup('metadata.example'),
    'half': lookup('half.example'),
    'missing': lookup('missing.below.example'),
    'servers': {'word': open('/etc/resolv.conf').read(), 'seconds': 0},
}))`
  const list = ['first.example', '*.below.example', 'metadata.example', 'half.example']
  const record = await python(code, listed(...list))
  const tried = triedBy(record)
  expect(tried['closed']?.word).toMatch(/refused|unreachable|prohibited|reset/i)
  expect(tried['named']?.word).toBe(`from ${internet.first}`)
  expect(tried['open']?.word).toBe(`from ${internet.first}`)
  expect(tried['below']?.word).toBe(`from ${internet.second}`)
  for (const name of ['other', 'above', 'metadata', 'missing']) expect(tried[name], name).toMatchObject(unknownAtOnce)
  expect(tried['half']?.word).toEqual([internet.second])
  expect(tried['servers']?.word).toMatch(/^nameserver 10\.\d+\.0\.1\n/)
  expect(refusals(record)).toEqual([
    'allow dns below.example',
    'allow dns other.example',
    `allow tcp ${internet.first}`,
    'metadata dns metadata.example 169.254.169.254',
    'private dns half.example 10.1.2.3',
  ])
})

test('the refusal of a name is an event while the program runs, with a hint', async () => {
  const api = await client()
  const code = `${tools}
lookup('other.example')
time.sleep(600)`
  const { id } = await api.submit({ runtime: 'python', code, ...listed('first.example'), resources: patient })
  let denied: Denied | undefined
  for await (const { event, data } of api.logs(id)) {
    if (event === 'denied') denied = data
    if (denied) break
  }
  expect(denied).toMatchObject({ host: 'other.example', protocol: 'dns', rule: 'allow' })
  expect(denied?.hint).toContain('not on the list')
  await api.kill(id)
})

test('a flood of questions is refused by the firewall, and fills nothing', async () => {
  const code = `${tools}
server = open('/etc/resolv.conf').read().split()[1]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(1000):
    query = n.to_bytes(2, 'big') + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8]) + b'x%07d' % n + bytes([0, 0, 1, 0, 1])
    try: s.sendto(query if n % 2 else os.urandom(n % 100), (server, 53))
    except OSError: pass
begun = time.time()
while 'from' not in (after := fetch('first.example'))['word'] and time.time() - begun < 120: time.sleep(2)
print(json.dumps({'after': after}))`.replace('import json', 'import json, os')
  const record = await python(code, listed('first.example'))
  expect(triedBy(record)['after']?.word).toBe(`from ${internet.first}`)
  const lines = refusals(record)
  expect(lines.filter((line) => /^limit udp 10\.\d+\.0\.1$/.test(line))).toHaveLength(1)
  expect(lines.filter((line) => line.startsWith('allow dns')).length).toBeLessThanOrEqual(mostDenials)
})

test('with its time over an address is closed, a connection that was open goes on, and a name that moved is reached anew', async () => {
  await know({ 'moving.example': [1, internet.first] })
  const api = await client()
  const code = `${tools}
kept = socket.create_connection(('moving.example', 7), timeout=60)
print('up', flush=True)
begun = time.time()
while True:
    word = fetch('${internet.first}')['word']
    if 'from' not in word or time.time() - begun > 240: break
    time.sleep(1)
kept.sendall(b'still here')
old = kept.recv(100).decode()
print(json.dumps({
    'closed': {'word': word, 'seconds': time.time() - begun},
    'kept': {'word': old, 'seconds': 0},
    'moved': fetch('moving.example'),
}))`
  const { id } = await api.submit({ runtime: 'python', code, ...listed('moving.example'), resources: patient })
  for await (const { event } of api.logs(id)) if (event === 'stdout') break
  await know({ 'moving.example': [1, internet.second] })
  for await (const { event } of api.logs(id)) if (event === 'end') break
  const record = await api.get(id)
  const tried = triedBy({ ...record, stdout: record.stdout.replace('up\n', '') })
  expect(tried['closed']?.word).toMatch(/refused|unreachable|prohibited|reset/i)
  expect(tried['closed']?.seconds).toBeLessThan(240)
  expect(tried['kept']?.word).toBe('still here')
  expect(tried['moved']?.word).toBe(`from ${internet.second}`)
})

test('a run that the next server takes up has its names answered, and what it was refused is not forgotten', async () => {
  await know({ 'first.example': [1, internet.first] })
  const api = await client()
  const code = `${tools}
first = fetch('first.example')
lookup('other.example')
time.sleep(2)
print('up', flush=True)
while lookup('late.example')['word'] != ['${internet.second}']: time.sleep(2)
print(json.dumps({'first': first, 'late': fetch('late.example')}))`
  const asked = { runtime: 'python', code, ...listed('first.example', 'late.example'), resources: patient }
  const { id } = await api.submit(asked)
  for await (const { event } of api.logs(id)) if (event === 'stdout') break
  await endServer('KILL')
  await know({ 'late.example': [60, internet.second] })
  const again = await client()
  for await (const { event } of again.logs(id)) if (event === 'end') break
  const record = await again.get(id)
  const tried = triedBy({ ...record, stdout: record.stdout.replace('up\n', '') })
  expect([tried['first']?.word, tried['late']?.word]).toEqual([`from ${internet.first}`, `from ${internet.second}`])
  expect(refusals(record)).toEqual(['allow dns other.example'])
  await expect.poll(async () => (await again.leftovers()).leftovers, { timeout: 60_000, interval: 500 }).toEqual([])
})

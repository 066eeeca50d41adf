/** A program that has become root of its guest and left the agent's cgroups reaches no more than SECURITY.md says. */
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { sha256File } from '../../src/base/files.ts'
import { bounded } from '../system/bounded.ts'
import { asRoot, rareFrom, withBrokenGuests } from '../system/brokenguest.ts'
import { client, onNode, settled } from '../system/harness.ts'
import { home, root } from '../system/places.ts'
import { haveTemplate } from './fault.ts'

const rare = rareFrom(150)

// What goes on from a template is whole, whatever the initramfs is meanwhile: the runs beside do so.
beforeAll(() => haveTemplate('none'))

/** Digests of images as these guests have one: they are on this host, also where the node is a machine. */
async function imagesNow(): Promise<string[]> {
  const names = (await readdir(join(home, 'images'))).filter((name) => name.startsWith('python-')).toSorted()
  expect(names).not.toEqual([])
  return Promise.all(names.map((name) => sha256File(join(home, 'images', name, 'rootfs.ext4'))))
}

/** Something of the host that listens where these guests send to. */
async function listeningHost() {
  const file = '/tmp/vulcan-heard'
  const listens = `require('node:dgram').createSocket('udp4').on('message', (_, from) =>
    require('node:fs').appendFileSync('${file}', from.address + ' ')).bind(5000)`
  await onNode(`: >${file}; setsid node -e "${listens}" >/dev/null 2>&1 & echo $! >${file}.pid`)
  return { heard: () => onNode(`kill $(cat ${file}.pid); cat ${file}; rm ${file} ${file}.pid`) }
}

const devices: Readonly<Record<string, string>> = {
  '0x0001': 'network interface',
  '0x0002': 'disk',
  '0x0004': 'source of random numbers',
  '0x0013': 'vsock',
}

describe('root of a guest', () => {
  test('finds the devices that SECURITY.md lists, and cannot change the image', async () => {
    const script = `
import json, os
def tried(act):
    try: act(); return 'ok'
    except OSError as e: return os.strerror(e.errno)
def write(path):
    fd = os.open(path, os.O_WRONLY)
    try: os.pwrite(fd, b'changed' * 512, 0); os.fsync(fd)
    finally: os.close(fd)
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
print(json.dumps({
  'uid': os.getuid(), 'rights': status['CapEff'].strip(),
  'devices': sorted(open(f'/sys/bus/virtio/devices/{d}/device').read().strip() for d in os.listdir('/sys/bus/virtio/devices')),
  'pci': len(os.listdir('/sys/bus/pci/devices')) if os.path.exists('/sys/bus/pci/devices') else 0,
  'disks': sorted(d for d in os.listdir('/sys/class/block') if d.startswith('vd')),
  'image': tried(lambda: write('/dev/vda')),
}))`
    const before = await imagesNow()
    const record = await withBrokenGuests('rooted', () => asRoot(script, { network: 'internet', resources: rare() }))
    expect(record, record.stderr).toMatchObject({ status: 'completed' })
    const seen = JSON.parse(record.stdout) as {
      uid: number
      rights: string
      devices: string[]
      pci: number
      disks: string[]
      image: string
    }
    expect(seen).toMatchObject({
      uid: 0,
      rights: expect.stringMatching(/^000001[0-9a-f]+$/) as string,
      pci: 0,
      disks: ['vda', 'vdb'],
    })
    expect(seen.image).not.toBe('ok')
    const told = /^The devices of a guest are (.*)\.$/m.exec(readFileSync(join(root, 'SECURITY.md'), 'utf8'))?.[1]
    expect(seen.devices.map((id) => devices[id] ?? id).join(', ')).toBe(told)
    expect(await imagesNow()).toEqual(before)
  })

  test('reaches nobody by vsock: no other port of the host, no other guest', async () => {
    const script = `
import json, socket
reached, ends = [], {}
for cid in [0, 2, 4, 5, 6, 7, 8, 100, 4294967294]:
    for port in [1, 22, 80, *range(1020, 1032), 2375, 5000, 7777, 10000, 2**31] if cid == 2 else [1024, 1025]:
        s = socket.socket(socket.AF_VSOCK); s.settimeout(5)
        try: s.connect((cid, port)); reached.append((cid, port))
        except OSError as e: ends[str(e)] = ends.get(str(e), 0) + 1
        finally: s.close()
print(json.dumps({'reached': reached, 'ends': ends}))`
    const record = await withBrokenGuests('rooted', () => asRoot(script, { resources: rare() }))
    expect(record, record.stderr).toMatchObject({ status: 'completed' })
    expect(JSON.parse(record.stdout)).toMatchObject({ reached: [] })
  })

  test('is not heard when it speaks for another on the wire', async () => {
    // The neighbour has a whole guest: it listens, and knows its gateway.
    const listens = `
import json, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 5000)); s.settimeout(1)
gateway = lambda: [line.split()[3] for line in open('/proc/net/arp') if line.startswith('10.88.0.1 ')]
def ask():
    try: socket.create_connection(('10.88.0.1', 80), timeout=5)
    except OSError: pass
ask(); before = gateway(); print('up', flush=True)
heard, until = [], time.time() + 600
import os
while time.time() < until and not os.path.exists('/tmp/stop'):
    try: heard.append(str(s.recvfrom(2000)))
    except TimeoutError: pass
    if heard or gateway() != before: break
print(json.dumps({'heard': heard, 'before': before, 'after': gateway()}))`
    const api = await client()
    const { id } = await api.submit({
      runtime: 'python',
      code: listens,
      network: 'internet',
      resources: { timeout_s: 45 },
    })
    for await (const event of api.logs(id)) if (event.event === 'stdout') break
    const { nic } = (await api.get(id)).run?.details?.network ?? {}
    const script = `
import json, socket, struct, time
mac = lambda text: bytes.fromhex(text.replace(':', ''))
ip = lambda text: socket.inet_aton(text)
def checksum(b):
    s = sum(struct.unpack('!%dH' % (len(b) // 2), b)); s = (s >> 16) + (s & 0xffff); return ~(s + (s >> 16)) & 0xffff
def udp(source, target):
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 33, 1, 0, 64, 17, 0, ip(source), ip(target))
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    return head + struct.pack('!HHHH', 5000, 5000, 13, 0) + b'heard'
def arp(op, sha, spa, tha, tpa): return struct.pack('!HHBBH6s4s6s4s', 1, 0x0800, 6, 4, op, sha, ip(spa), tha, ip(tpa))
own_mac = mac(open('/sys/class/net/eth0/address').read().strip())
their_mac, their_ip, gateway = mac('${nic?.mac}'), '${nic?.address.split('/')[0]}', '10.88.0.1'
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(('eth0', 0))
own_ip = [l for l in open('/proc/net/fib_trie').read().split() if l.startswith('10.88.') and '/' not in l and not l.endswith(('.0', '.255'))][0]
sent = 0
for _ in range(50):
    for to in (their_mac, b'\\xff' * 6, b'\\x01\\x80\\xc2\\0\\0\\x0e'):
        for source_mac, source_ip in ((own_mac, own_ip), (own_mac, gateway), (own_mac, their_ip), (their_mac, their_ip), (b'\\x02\\0\\0\\0\\0\\1', '10.88.0.1')):
            for target in (their_ip, gateway): wire.send(to + source_mac + b'\\x08\\x00' + udp(source_ip, target)); sent += 1
        wire.send(to + own_mac + b'\\x08\\x06' + arp(2, own_mac, gateway, their_mac, their_ip)); sent += 1
        wire.send(to + own_mac + b'\\x08\\x06' + arp(1, own_mac, gateway, b'\\0' * 6, their_ip)); sent += 1
    time.sleep(0.05)
print(json.dumps({'sent': sent}))`
    const host = await listeningHost()
    const record = await withBrokenGuests('rooted', () => asRoot(script, { network: 'internet', resources: rare() }))
    expect(record, record.stderr).toMatchObject({ status: 'completed' })
    expect(record.stdout).toBe('{"sent": 1800}\n')
    expect(await host.heard(), 'the host heard a guest').toBe('')
    // Its listening ends with its time: what it heard or saw change would have ended it before.
    for await (const event of api.logs(id)) if (event.event === 'end') break
    const neighbour = await api.get(id)
    expect(neighbour.exit?.by, neighbour.stdout).toBe('timeout')
    expect(neighbour.stdout).toBe('up\n')
  })

  test('takes all of its memory, floods its console and sets its clock, and the host goes on in its own', async () => {
    const script = `
import mmap, os, time
time.clock_settime(time.CLOCK_REALTIME, 4e9)
written = 0
try:
    port, until = os.open('/dev/port', os.O_WRONLY), time.monotonic() + 10
    while time.monotonic() < until: os.pwrite(port, b'x', 0x3f8); written += 1
except OSError as e: print(e)
print('console', written, flush=True)
held = []
while True:
    held.append(mmap.mmap(-1, 1 << 20)); held[-1].write(b'x' * (1 << 20))`
    const began = Date.now()
    const record = await bounded('root takes all memory', () =>
      withBrokenGuests('rooted', () => asRoot(script, { resources: { ...rare(), timeout_s: 60 } })),
    )
    expect(record.status).not.toBe('pending')
    expect(record.stdout).toMatch(/^console \d+$/m)
    for (const at of [record.created_at, record.started_at, record.finished_at]) {
      expect(Date.parse(at ?? '')).toBeGreaterThan(began - 60_000)
      expect(Date.parse(at ?? '')).toBeLessThan(Date.now() + 60_000)
    }
    expect(await settled()).toEqual([])
  })
})

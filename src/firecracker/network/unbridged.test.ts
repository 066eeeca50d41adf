/** Frames that are not for a bridge to pass on, and what a bridge sends where it knows no port: they lead no guest past its rules. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { buildProgram } from '../../base/builtprogram.ts'
import { run } from '../../base/process.ts'
import { Scope } from '../../base/scope.ts'
import { type Floor, gateway, onFloor } from './floor.ts'
import { batch, uplink } from './lab.ts'

const probe = join(tmpdir(), 'vulcan-test-probe', 'vulcan-probe')
const [usual, linkLocal] = ['02:00:00:00:00:01', (last: number) => `01:80:c2:00:00:${hex(last, 1)}`]
const hex = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, '0')
const bytesOf = (address: string) => address.split('.').map((part) => hex(Number(part), 1)).join('') // prettier-ignore
const words = Buffer.from('vulcan').toString('hex')
const udp = `138806aa${hex(8 + 6, 2)}0000${words}`

/** UDP to port 1706 in a frame of its own, in hex; neither checksum is wrong: one is right, the other not used. */
function frame(o: { to: string; from: string; source: string; target: string }): string {
  const head = `45000022000100004011CCCC${bytesOf(o.source)}${bytesOf(o.target)}`
  const parts = head.replace('CCCC', '0000').match(/.{4}/g) ?? []
  const sum = parts.reduce((total, part) => total + parseInt(part, 16), 0)
  const checksum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff
  return `${[o.to, o.from].join('').replaceAll(':', '')}0800${head.replace('CCCC', hex(checksum, 2))}${udp}`
}

/** Listens in a namespace, and says what came to port 1706 once it is told that all was sent. */
const listener = `
const heard = []
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (text, from) => {
  if (String(text) !== 'all was sent') return heard.push(text + ' from ' + from.address)
  console.log(JSON.stringify(heard))
  process.exit()
})
socket.bind(1706, () => {
  const { spawnSync } = require('node:child_process')
  const [send, input] = [process.argv[1], process.argv[2]]
  const sent = spawnSync('sh', ['-c', send], { input, encoding: 'utf8' })
  if (sent.status !== 0) throw new Error(sent.stderr)
  socket.send('all was sent', 1706, '127.0.0.1')
})
`

let floor: Floor
onFloor(
  'what no bridge passes on',
  (built) => (floor = built),
  () => {
    beforeAll(() => buildProgram('./probe', probe), 240_000)

    const from = (n: number) => `nsenter --net=/var/run/netns/${floor.id(n)} ${probe} send eth0`
    const send = (n: number, frames: readonly string[]) => run(['sh', '-c', from(n)], { input: frames.join('\n') })
    /** What the host hears of the frames that the nth guest sends. */
    const heardOf = async (n: number, frames: readonly string[]) =>
      JSON.parse(await floor.onHost(process.execPath, '-e', listener, from(n), frames.join('\n'))) as string[]

    test('a frame for a link-local group brings nothing to the host, whomever it is from and to', async () => {
      await using scope = new Scope('vms')
      const { nic, own } = await floor.guest(scope, 1)
      const neighbour = await floor.guest(scope, 2)
      const mac = nic?.mac ?? ''
      const frames = Array.from({ length: 16 }, (_, last) => linkLocal(last)).flatMap((to) =>
        [own, neighbour.own, '198.51.100.77'].flatMap((source) =>
          [gateway, uplink].map((target) => frame({ to, from: mac, source, target })),
        ),
      )
      expect(await heardOf(1, frames)).toEqual([])
      // What the host does hear it hears this way: the test is no better than its frames.
      await floor.onHost('nft', 'delete', 'table', 'inet', `vulcan_${floor.lab.instance}`)
      expect(await heardOf(1, frames)).toContain('vulcan from 198.51.100.77')
      await floor.open().prepare()
    })

    test('what a guest sends as its neighbour moves nothing of the neighbour’s to it', async () => {
      await using scope = new Scope('vms')
      const [a, b] = [await floor.guest(scope, 3), await floor.guest(scope, 4)]
      const [mine, its] = [a.nic?.mac ?? '', b.nic?.mac ?? '']
      const ports = async () => floor.onHost('bridge', 'fdb', 'show', 'br', `vul${floor.lab.instance}`)
      const before = await ports()
      expect(before).toContain(`${its} dev ${b.nic?.port} master`)
      const forged = [usual, linkLocal(14), 'ff:ff:ff:ff:ff:ff'].flatMap((to) =>
        [its, '02:00:00:00:be:ef'].map((source) => frame({ to, from: source, source: b.own, target: gateway })),
      )
      await send(3, forged)
      await send(3, [frame({ to: linkLocal(14), from: mine, source: a.own, target: gateway })])
      expect((await ports()).split('\n').sort()).toEqual(before.split('\n').sort())
    })

    test('what still comes for a guest that has ended is nobody’s', async () => {
      await using scope = new Scope('vm')
      await floor.guest(scope, 5)
      const bridge = `vul${floor.lab.instance}`
      // As the host remembers it of a guest that it just spoke with.
      await batch(floor.lab.hostName, [`neigh replace 10.88.9.9 lladdr 02:00:00:00:09:09 dev ${bridge} nud permanent`])
      const received = async () => Number(await floor.inGuest(5, count))
      const before = await received()
      const late = `require('node:dgram').createSocket('udp4').send('x'.repeat(1400), 9, '10.88.9.9', () => process.exit())`
      for (let i = 0; i < 5; i += 1) await floor.onHost(process.execPath, '-e', late)
      expect((await received()) - before).toBeLessThan(1400)
      await batch(floor.lab.hostName, [`neigh delete 10.88.9.9 dev ${bridge}`])
    })
  },
)

/** Bytes that have come to the guest's interface. */
const count = `
const [line] = require('node:fs').readFileSync('/proc/self/net/dev', 'utf8').split('\\n').filter((line) => line.includes('eth0'))
console.log(line.split(':')[1].trim().split(/ +/)[0])
`

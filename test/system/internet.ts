/** "The internet" of the network's tests: a namespace with documentation addresses that answer HTTP, and a name server. */
import { nodeHome, onNode } from './harness.ts'

/** Addresses that answer `from ADDRESS`. */
export const internet = { first: '198.51.100.2', second: '198.51.100.3' } as const
/** The node's address on that side. */
export const uplink = '198.51.100.1'

export async function buildInternet(): Promise<void> {
  const each = Object.values(internet).map(
    (address) => `ip -n inet-test addr add ${address}/24 dev eth0 && mkdir -p /tmp/inet/${address} &&
      echo from ${address} > /tmp/inet/${address}/index.html &&
      ip netns exec inet-test busybox httpd -h /tmp/inet/${address} -p ${address}:80`,
  )
  await onNode(`
    ip netns add inet-test && ip link add inet0 type veth peer name eth0 netns inet-test &&
    ip addr add ${uplink}/24 dev inet0 && ip link set inet0 up && ip -n inet-test link set lo up &&
    ip -n inet-test link set eth0 up && ip -n inet-test route add default via ${uplink} dev eth0 onlink &&
    ${each.join(' &&\n')}`)
}

export async function removeInternet(): Promise<void> {
  await onNode(`ip netns pids inet-test | xargs -r kill; ip netns del inet-test; ip link del inet0 2>/dev/null
    nft delete table ip names-test 2>/dev/null; rm -rf /tmp/inet /tmp/names-test*; true`)
}

/** Answers A questions by what /tmp/names-test.json says then, `name: [ttl, address…]`; every other name is not there. */
const nameServer = `
const fs = require('node:fs'), dgram = require('node:dgram'), net = require('node:net')
net.createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(7)
const socket = dgram.createSocket('udp4')
socket.on('message', (query, from) => {
  const labels = []
  let at = 12
  for (; query[at]; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]))
  const found = JSON.parse(fs.readFileSync('/tmp/names-test.json', 'utf8'))[labels.join('.').toLowerCase()]
  const [ttl = 0, ...addresses] = found ?? []
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | (found ? 0 : 3), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(addresses.length, 6)
  const records = addresses.map((address) => {
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)])
    record.writeUInt32BE(ttl, 6)
    return record
  })
  socket.send(Buffer.concat([head, query.subarray(12, at + 5), ...records]), from.port, from.address)
}).bind(53, '${internet.first}', () => fs.writeFileSync('/tmp/names-test.up', ''))
`

/** Starts it, with an echo on TCP 7 of both addresses, and leads there what the node asks, whatever name servers it has. */
export async function startNameServer(names: Names): Promise<void> {
  await know(names)
  await onNode(`
    node=$(readlink -f /proc/$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' ${await nodeHome()}/server.json)/exe)
    cat > /tmp/names-test.cjs <<'END'
${nameServer}
END
    ip netns exec inet-test setsid $node /tmp/names-test.cjs > /tmp/names-test.log 2>&1 &
    tries=0; while [ ! -e /tmp/names-test.up ]; do tries=$((tries + 1)); [ $tries -gt 60 ] && cat /tmp/names-test.log >&2 && exit 1; sleep 1; done
    nft -f - <<'END'
table ip names-test {
  chain output { type nat hook output priority -100; meta l4proto { tcp, udp } th dport 53 dnat to ${internet.first}; }
}
END`)
}

/** Seconds, then addresses. */
export type Names = Readonly<Record<string, readonly [ttl: number, ...addresses: string[]]>>

/** What it knows from now on. */
export async function know(names: Names): Promise<void> {
  await onNode(`echo '${JSON.stringify(names)}' > /tmp/names-test.new && mv /tmp/names-test.new /tmp/names-test.json`)
}

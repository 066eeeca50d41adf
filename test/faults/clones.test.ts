/** Vms that go on from one template are nobody's copy: two dozen of each runtime, compared with one another. */
import { expect, test } from 'vitest'
import { run, settled } from '../system/harness.ts'
import { eventually } from '../system/outside.ts'

/** Everything that two vms must not have in common, as programs see it: JSON, and a line whether another was there before. */
const identities = {
  python: `
import json, os, random, socket, ssl, time, uuid
mac = open('/sys/class/net/eth0/address').read().strip()
print(json.dumps({
  'urandom': os.urandom(8).hex(), 'random': random.random(), 'uuid4': str(uuid.uuid4()), 'uuid1': str(uuid.uuid1()),
  'boot_id': open('/proc/sys/kernel/random/boot_id').read().strip(), 'mac': mac, 'openssl': ssl.RAND_bytes(8).hex(),
  'kernel uuid': open('/proc/sys/kernel/random/uuid').read().strip(), 'pid token': os.urandom(4).hex() + str(os.getpid()),
}))
print(time.time())
open('/work/left', 'w').write('behind')
print(os.path.exists('/tmp/mark')); open('/tmp/mark', 'w').write('x')`,
  node: `
const { randomBytes, randomUUID, generateKeyPairSync } = require('crypto')
const { existsSync, writeFileSync } = require('fs')
const { eth0 } = require('os').networkInterfaces()
const { runInNewContext } = require('vm')
const { Worker } = require('worker_threads')
console.log(JSON.stringify({
  random: Math.random(), bytes: randomBytes(8).toString('hex'), uuid: randomUUID(), web: crypto.randomUUID(),
  values: crypto.getRandomValues(new Uint32Array(2)).join(), mac: eth0[0].mac, address: eth0[0].address,
  key: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }),
  origin: performance.timeOrigin, context: runInNewContext('Math.random()'),
}))
const tell = "require('worker_threads').parentPort.postMessage(performance.timeOrigin + performance.now())"
new Worker(tell, { eval: true }).on('message', (clock) => {
  console.log(Date.now() / 1000, clock / 1000)
  console.log(existsSync('/tmp/mark') ? 'True' : 'False'); writeFileSync('/tmp/mark', 'x')
})`,
} as const

async function once(runtime: keyof typeof identities) {
  const record = await run({ runtime, code: identities[runtime], network: 'internet' })
  expect(record, JSON.stringify(record)).toMatchObject({ status: 'completed', stderr: '' })
  const [line = '', times = '', marked = ''] = record.stdout.split('\n')
  const { start, details } = record.run ?? {}
  const own = JSON.parse(line) as Record<string, unknown>
  return { start, interpreter: details?.interpreter, own, times: times.split(' ').map(Number), marked }
}

test.each(['python', 'node'] as const)(
  'clones of one template of %s have nothing of each other: random numbers, ids, addresses, clock, files',
  async (runtime) => {
    // The first of a class boots, and has a template made; it is in use once a vm goes on from it.
    const look = async () => ((await once(runtime)).start === 'boot' ? undefined : true)
    await eventually('a template that comes into use', look, { withinMs: 400_000, everyMs: 2000 })
    const seen = []
    for (let n = 0; n < 20; n += 1) {
      const clone = await once(runtime)
      expect(clone).toMatchObject({ start: expect.not.stringMatching('boot'), interpreter: 'waited', marked: 'False' })
      for (const time of clone.times) expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60)
      seen.push(clone.own)
    }
    for (const name of Object.keys(seen[0] ?? {})) {
      const values = seen.map((own) => own[name])
      // Addresses may come round again once a vm is gone; of vms that follow one another they differ all the same. Contexts
      // begin at one of 65,536 places: two clones may share theirs.
      const least = name === 'context' ? seen.length - 2 : seen.length
      expect(new Set(values).size, `${name}: ${values.join(', ')}`).toBeGreaterThanOrEqual(least)
    }
    expect(await settled()).toEqual([])
  },
  // Two dozen vms, one after another.
  1_800_000,
)

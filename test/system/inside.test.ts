/** What a program as a user hands it in can see and do in its guest: a user without rights, beside an agent out of reach. */
import { expect, test } from 'vitest'
import { python, run } from './harness.ts'

test('a program of Python has no rights, and the agent, the disks and the kernel are out of its reach', async () => {
  const record = await python(
    `
import ctypes, json, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def tried(act):
    try: act(); return 'ok'
    except OSError as e: return errno.errorcode[e.errno]
import errno
def call(name, *arguments):
    def act():
        if getattr(libc, name)(*arguments) < 0: raise OSError(ctypes.get_errno(), name)
    return tried(act)
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
read = lambda path: tried(lambda: open(path, 'rb').read(1))
write = lambda path: tried(lambda: os.close(os.open(path, os.O_WRONLY)))
def connects(cid, port):
    s = socket.socket(socket.AF_VSOCK); s.settimeout(10)
    return tried(lambda: s.connect((cid, port)))
print(json.dumps({
  'user': [os.getuid(), os.getgid(), os.getgroups()],
  'rights': {name: status[name].strip() for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'NoNewPrivs')},
  'timer slack': int(open('/proc/self/timerslack_ns').read()),
  'signal the agent': tried(lambda: os.kill(1, 0)), 'read its memory': read('/proc/1/mem'), 'its environment': read('/proc/1/environ'),
  'trace it': call('ptrace', 16, 1, 0, 0),
  'the image': read('/dev/vda'), 'the disk': write('/dev/vdb'), 'memory': read('/dev/mem'), 'ports': write('/dev/port'),
  'passwords': read('/etc/shadow'), 'a setting of the kernel': write('/proc/sys/kernel/core_pattern'),
  'its own limits': write('/sys/fs/cgroup/' + open('/proc/self/cgroup').read().strip().split('::/')[1] + '/memory.max'),
  'become root': tried(lambda: os.setuid(0)), 'mount': call('mount', b'none', b'/tmp', b'tmpfs', 0, None),
  'set the clock': tried(lambda: time.clock_settime(time.CLOCK_REALTIME, 1)), 'restart': call('reboot', 0),
  'load a module': call('init_module', None, 0, None), 'a raw packet': tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
  'the host by vsock': [connects(2, port) for port in (22, 1024, 1025, 7777)],
}))`,
    { network: 'internet' },
  )
  expect(record, record.stderr).toMatchObject({ status: 'completed' })
  const none = '0000000000000000'
  const refused = expect.stringMatching(/^E(PERM|ACCES|NOENT|ROFS|NOSYS)$/) as string
  const { 'the host by vsock': connected, ...seen } = JSON.parse(record.stdout) as { 'the host by vsock': string[] }
  expect(connected).not.toContain('ok')
  expect(seen).toEqual({
    user: [1000, 1000, []],
    rights: { CapInh: none, CapPrm: none, CapEff: none, CapAmb: none, NoNewPrivs: '1' },
    'timer slack': 50_000,
    ...Object.fromEntries(
      [
        ...[
          'signal the agent',
          'read its memory',
          'its environment',
          'trace it',
          'the image',
          'the disk',
          'memory',
          'ports',
        ],
        ...[
          'passwords',
          'a setting of the kernel',
          'its own limits',
          'become root',
          'mount',
          'set the clock',
          'restart',
        ],
        ...['load a module', 'a raw packet'],
      ].map((name) => [name, refused]),
    ),
  })
})

test('a program of Node can write nowhere but where files of a program belong', async () => {
  const code = `
const { accessSync, constants, readdirSync } = require('fs')
const found = []
const isWritable = (path) => { try { accessSync(path, constants.W_OK); return true } catch { return false } }
function walk(folder, depth) {
  let entries
  try { entries = readdirSync(folder, { withFileTypes: true }) } catch { return }
  for (const entry of entries) {
    const path = (folder === '/' ? '' : folder) + '/' + entry.name
    if (path === '/proc' || entry.isSymbolicLink()) continue
    if (isWritable(path)) found.push(path)
    else if (entry.isDirectory() && depth < 6) walk(path, depth + 1)
  }
}
walk('/', 0)
console.log(JSON.stringify({ uid: process.getuid(), found }))`
  const record = await run({ runtime: 'node', code, network: 'none' })
  expect(record, record.stderr).toMatchObject({ status: 'completed' })
  const seen = JSON.parse(record.stdout) as { uid: number; found: string[] }
  expect(seen.uid).toBe(1000)
  const own =
    /^\/(work|tmp|home\/vulcan|var\/tmp|var\/lock|run\/lock|run\/vulcan\/[\w-]+|dev\/(null|zero|full|random|urandom|tty|ptmx|shm|mqueue|pts\/.*|fd\/.*|stdin|stdout|stderr))(\/|$)/
  expect(seen.found.filter((path) => !own.test(path))).toEqual([])
  expect(seen.found).toEqual(expect.arrayContaining(['/work', '/tmp', '/home/vulcan']))
})

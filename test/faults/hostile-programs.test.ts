/** Programs that do harm as far as a program can, each beside a small run of somebody else, with what it costs the host. */
import { beforeAll, expect, test } from 'vitest'
import type { WorkloadRecord, WorkloadRequest } from '../../src/api/workload.ts'
import { bounded } from '../system/bounded.ts'
import { python, settled } from '../system/harness.ts'
import { haveTemplate } from './fault.ts'

interface Hostile {
  readonly code: string
  readonly more?: Partial<WorkloadRequest>
  readonly exit: object
  readonly judge?: (record: WorkloadRecord) => void
}

const timeLimit = { timeout_s: 30 }

const programs: Readonly<Record<string, Hostile>> = {
  'lines without end': {
    code: `import os\nwhile True: os.write(1, b'line\\n' * 13_000)`,
    more: { resources: { timeout_s: 300 } },
    exit: { by: 'output_limit' },
  },
  'one line without end that is no text': {
    code: `import os\nwhile True: os.write(2, b'\\xff\\xfe\\xed\\xa0\\x80\\x00' * 11_000)`,
    more: { resources: { timeout_s: 300 } },
    exit: { by: 'output_limit' },
    judge: ({ stderr }) => expect(stderr.length).toBeLessThan(1 << 20),
  },
  'output byte by byte, on both streams': {
    code: `import os\nwhile True:\n  os.write(1, b'x'); os.write(2, b'\\n')`,
    more: { resources: timeLimit },
    exit: { by: 'timeout' },
  },
  'files without end': {
    code: `
import os
made = 0
try:
    for folder in range(10**6):
        os.mkdir(str(folder))
        for name in range(1000): open(f'{folder}/{name}', 'x').close(); made += 1
finally: print(made, flush=True)`,
    more: { resources: { timeout_s: 90, disk_mb: 32 } },
    exit: { by: expect.stringMatching(/disk_full|program|timeout/) as string },
  },
  'a result of 64 MiB': {
    code: `import os\nopen(os.environ['VULCAN_RESULT'], 'w').write('"' + 'x' * (64 << 20) + '"')`,
    // Where it lives there is room for 16 MiB.
    exit: { by: 'program', code: 1 },
    judge: ({ result, result_error: error }) => {
      expect(result).toBeUndefined()
      expect(error).toMatch(/larger than 1 MiB/)
    },
  },
  'memory and processes without end': {
    code: `
import os
while True:
    try: os.fork()
    except OSError: bytearray(1 << 24)`,
    more: { resources: { ...timeLimit, pids: 64, mem_mb: 128 } },
    exit: { by: expect.stringMatching(/oom|timeout/) as string },
  },
  'sockets without end': {
    code: `
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held = []
try:
    while len(held) < 100_000: held.append(socket.socket())
except OSError as e: print(e)
print(len(held), flush=True)
refused = 0
for s in held[:3000]:
    s.setblocking(False)
    try: s.connect(('10.88.0.1', 80))
    except OSError: refused += 1
print(refused)`,
    more: { network: 'internet', resources: { timeout_s: 300 } },
    exit: { by: 'program', code: 0 },
  },
  'half-open connections over vsock': {
    code: `
import socket, time
until, held, ends = time.monotonic() + 20, [], {}
while time.monotonic() < until:
    s = socket.socket(socket.AF_VSOCK); s.setblocking(False)
    try: s.connect((2, 1024 + len(held) % 4))
    except OSError as e: ends[e.errno] = ends.get(e.errno, 0) + 1
    held.append(s)
    if len(held) > 500: held.clear()
print(ends)`,
    more: { resources: { timeout_s: 60 } },
    exit: { by: 'program', code: 0 },
  },
}

// One that was made meanwhile would be counted as what the first of them left.
beforeAll(() => haveTemplate('none'))

test.each(Object.entries(programs))(
  '%s: ends as it must, and costs the others no more than it may',
  async (name, hostile) => {
    const record = await bounded(name, () => python(hostile.code, hostile.more))
    expect(
      record.exit,
      JSON.stringify({ ...record, stdout: record.stdout.slice(0, 200), stderr: record.stderr.slice(0, 500) }),
    ).toMatchObject(hostile.exit)
    hostile.judge?.(record)
  },
)

test.each([
  ['a link to a file that is root’s', "os.symlink('/etc/shadow', result)"],
  ['a link to a file of everybody’s', "os.symlink('/etc/passwd', result)"],
  ['a link to itself', 'os.symlink(result, result)'],
  ['a file that nothing comes from', 'os.mkfifo(result)'],
  ['a folder', 'os.mkdir(result)'],
])('a result that is %s is none, and tells nothing', async (_, act) => {
  const record = await python(
    `import os\nresult = os.environ['VULCAN_RESULT']\nif os.path.exists(result): os.remove(result)\n${act}`,
  )
  expect(record.exit, record.stderr).toMatchObject({ by: 'program', code: 0 })
  expect(record.result).toBeUndefined()
  expect(record.result_error).toMatch(/\w/)
  expect(record.result_error).not.toMatch(/root:/)
})

test('after all of these nothing is left', async () => {
  expect(await settled()).toEqual([])
})

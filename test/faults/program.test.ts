/** Programs that break themselves or what is around them in the guest: their own failure, told as what it was. */
import { expect, test } from 'vitest'
import { type Fault, sound, sufferBeside } from './fault.ts'

const said = "import os, signal, sys, time\nprint('up', flush=True)\n"

const program = (code: string, more: Partial<Fault> = {}): Pick<Fault, 'request'> & Partial<Fault> => ({
  request: { code: said + code },
  ...more,
})
const failed = { status: 'failed' }

const faults: Fault[] = [
  {
    name: 'a program kills itself',
    ...program('os.kill(os.getpid(), signal.SIGKILL)'),
    ends: ['program'],
    told: { ...failed, exit: { signal: 'SIGKILL' } },
  },
  {
    name: 'a program crashes in native code',
    ...program('import ctypes; ctypes.string_at(0)'),
    ends: ['program'],
    told: { ...failed, exit: { signal: 'SIGSEGV' } },
  },
  {
    name: 'a program signals everything it may',
    ...program('os.kill(-1, signal.SIGKILL)'),
    ends: ['program'],
  },
  {
    name: 'a program signals its parent, and the guest’s init',
    ...program(`
for pid in (1, os.getppid()):
    for each in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        try: os.kill(pid, each)
        except OSError as error: print(type(error).__name__)
print('done')`),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'a program stops itself',
    request: { code: `${said}os.kill(os.getpid(), signal.SIGSTOP)`, resources: { timeout_s: 3 } },
    ends: ['timeout'],
  },
  {
    name: 'a program that ignores every signal overstays',
    request: {
      code: `${said}
for each in range(1, 65):
    try: signal.signal(each, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: time.sleep(1)`,
      resources: { timeout_s: 3 },
    },
    ends: ['timeout'],
  },
  {
    name: 'a program closes its output and goes on',
    ...program('os.close(1); os.close(2); time.sleep(1); os._exit(7)'),
    ends: ['program'],
    told: { ...failed, exit: { code: 7 } },
  },
  {
    name: 'a program leaves a child behind that holds its output',
    ...program('if os.fork() == 0: os.setsid(); time.sleep(600)\nos._exit(0)'),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'a program forks without end',
    request: {
      code: `${said}
while True:
    try: os.fork()
    except OSError: time.sleep(0.1)`,
      resources: { timeout_s: 8, pids: 64 },
    },
    ends: ['timeout', 'program', 'oom'],
  },
  {
    name: 'a program takes all memory',
    request: {
      code: `${said}x = []\nwhile True: x.append(bytearray(1 << 20))`,
      resources: { mem_mb: 128, timeout_s: 300 },
    },
    ends: ['oom'],
  },
  {
    name: 'a program takes all memory in many processes',
    request: {
      code: `${said}
for _ in range(20):
    if os.fork() == 0: break
x = []
while True: x.append(bytearray(1 << 20))`,
      resources: { mem_mb: 128, timeout_s: 300 },
    },
    ends: ['oom'],
  },
  {
    name: 'a program fills its memory by files',
    request: {
      code: `${said}
for folder in ('/dev/shm', '/run', '/tmp'):
    try:
        with open(folder + '/big', 'wb') as f:
            while True: f.write(bytes(1 << 20))
    except OSError as error: print(type(error).__name__)`,
      resources: { mem_mb: 128, disk_mb: 64, timeout_s: 300 },
    },
    ends: ['oom', 'disk_full', 'program'],
  },
  {
    name: 'a program fills its disk',
    request: {
      code: `${said}
with open('big', 'wb') as f:
    n = 0
    try:
        while True:
            os.posix_fallocate(f.fileno(), n << 20, 1 << 20)
            n += 1
    except OSError: pass
    f.seek(n << 20)
    while True: f.write(bytes(1 << 12))`,
    },
    ends: ['disk_full'],
  },
  {
    name: 'a program makes files until there is no inode left',
    request: {
      code: `${said}
n = 0
try:
    while True:
        open(f'f{n}', 'w').close()
        n += 1
except OSError as error: sys.exit(type(error).__name__)`,
      resources: { disk_mb: 32, timeout_s: 240 },
    },
    ends: ['disk_full', 'program'],
  },
  {
    name: 'a program removes the folder it runs in',
    ...program(`
import shutil
shutil.rmtree('/work', ignore_errors=True)
print('done')`),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'a program opens all the files it may',
    ...program(`
held = []
try:
    while True: held.append(os.open('/dev/null', os.O_RDONLY))
except OSError: pass
for fd in held: os.close(fd)
print('done')`),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'a program writes lines that never end',
    ...program("for _ in range(64): sys.stdout.write('x' * (1 << 16))"),
    ends: ['program'],
    told: { status: 'completed' },
  },
  {
    name: 'a program writes a result that is no JSON',
    ...program("open(os.environ['VULCAN_RESULT'], 'w').write('{' * 100000)"),
    ends: ['program'],
    told: { status: 'completed', result_error: expect.stringContaining('not JSON') as string },
  },
  {
    name: 'a program writes a result without end',
    ...program(`
with open(os.environ['VULCAN_RESULT'], 'w') as f:
    for _ in range(64): f.write('x' * (1 << 20))`),
    ends: ['program'],
    // Where it lives there is room for 16 MiB.
    told: { ...failed, result_error: expect.stringContaining('larger than 1 MiB') as string },
  },
  {
    name: 'a program puts a link to a secret in the place of its result',
    ...program("os.symlink('/etc/shadow', os.environ['VULCAN_RESULT'])"),
    ends: ['program'],
    told: { status: 'completed', result_error: expect.stringContaining('could not be read') as string },
  },
]

test.concurrent.each(faults)('$name', (fault) => sufferBeside(fault))

test('nothing is left of any of them, and the next workload runs', () => sound())

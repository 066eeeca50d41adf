/** Programs, kernel, image and templates are not what they were: told by name, or done without. */
import { test } from 'vitest'
import { type Fault, haveTemplate, type Mend, startFails, suffer } from './fault.ts'
import { breakNode, inPlaceOf, programInPlaceOf } from './node.ts'

/** A class that nobody has used boots, since it has no template. */
let lastDisk = 400
const boots = () => ({ resources: { timeout_s: 300, disk_mb: (lastDisk += 1) } })

const programs: Fault[] = [
  {
    name: 'the jailer is killed at once',
    before: () => programInPlaceOf('firecracker-*/jailer', 'kill -9 $$'),
    ...startFails,
    says: /jailer/,
  },
  {
    name: 'the jailer cannot be run',
    before: () => inPlaceOf('$VULCAN_HOME/assets/firecracker-*/jailer', 'not a program'),
    ...startFails,
    says: /jailer/,
  },
  {
    name: 'Firecracker fails at once',
    before: () => programInPlaceOf('firecracker-*/firecracker', 'exit 1'),
    ...startFails,
    says: /Firecracker ended while/,
  },
  {
    name: 'the kernel is no kernel',
    request: boots(),
    before: () => inPlaceOf('$VULCAN_HOME/assets/kernel-*/vmlinux', 'not a kernel'),
    ...startFails,
    says: /kernel/i,
  },
  {
    name: 'the image is no image',
    request: boots(),
    before: () => inPlaceOf('$VULCAN_HOME/images/*/rootfs.ext4', 'not an image'),
    ...startFails,
  },
]

const spoilt = (file: string, how: string) => async (): Promise<Mend> => {
  await haveTemplate()
  await breakNode(`for each in $VULCAN_HOME/templates/*/${file}; do ${how}; done`)
  return () => Promise.resolve()
}

const templates: Fault[] = [
  ['state', 'echo nonsense >$each', 'is nonsense'],
  ['memory', 'dd if=/dev/urandom of=$each bs=1M count=32 seek=16 conv=notrunc 2>/dev/null', 'is nonsense'],
  ['state', 'rm $each', 'is missing'],
  ['state', 'truncate -s 100 $each', 'is cut short'],
  ['memory', 'rm $each', 'is missing'],
  ['memory', 'truncate -s 1M $each', 'is cut short'],
  ['disk', 'rm $each', 'is missing'],
].map(([file = '', how = '', what = '']) => ({
  name: `the ${file} of a template ${what}`,
  before: spoilt(file, how),
  // It is put away, and the vm boots.
  ends: ['program'],
  told: { status: 'completed', run: { start: 'boot' } },
}))

test.each([...programs, ...templates])('$name', (fault) => suffer(fault))

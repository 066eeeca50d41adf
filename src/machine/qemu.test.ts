import { expect, test } from 'vitest'
import { qemuArgv, type QemuOptions } from './qemu.ts'

const options: QemuOptions = {
  qemu: '/usr/bin/qemu-system-x86_64',
  kernel: '/k/vmlinux',
  initramfs: '/k/initramfs',
  rootfs: '/i/rootfs.ext4',
  dataDisk: '/h/data.raw',
  memMib: 4096,
  cores: 3,
  shares: [{ tag: 'app', path: '/opt/app' }],
  forward: { hostPort: 40_000, machinePort: 7777 },
  restrict: false,
  execSockets: ['/s/exec.0.sock', '/s/exec.1.sock'],
}

/** The values given for a flag, in order. */
function valuesOf(flag: string, o: Partial<QemuOptions> = {}): string[] {
  const argv = qemuArgv({ ...options, ...o })
  return argv.flatMap((word, i) => (argv[i - 1] === flag ? [word] : []))
}

test('the machine emulates SVM with as much memory as it is told, and one core more, which runs no vm', () => {
  expect(qemuArgv(options)[0]).toBe(options.qemu)
  expect(valuesOf('-cpu')).toEqual(['max,+svm'])
  expect(valuesOf('-accel')).toEqual(['tcg,thread=multi,tb-size=1024'])
  expect(valuesOf('-smp')).toEqual(['4'])
  expect(valuesOf('-m')).toEqual(['4096'])
})

test('the port is forwarded from the loopback address alone', () => {
  expect(valuesOf('-netdev')).toEqual(['user,id=net,ipv6=off,restrict=off,hostfwd=tcp:127.0.0.1:40000-:7777'])
  expect(valuesOf('-netdev', { restrict: true })[0]).toContain('restrict=on')
})

test('the root is read-only and the data disk gives back what is freed', () => {
  const [root, data] = valuesOf('-drive')
  expect(root).toContain('readonly=on,file=/i/rootfs.ext4')
  expect(data).toContain('discard=unmap')
  expect(data).toContain('file=/h/data.raw')
  expect(data).not.toContain('readonly')
})

test('root comes before data: the init knows them by their order', () => {
  const drives = valuesOf('-device').filter((device) => device.startsWith('virtio-blk'))
  expect(drives).toEqual(['virtio-blk-pci,drive=root', 'virtio-blk-pci,drive=data'])
})

test('every share is read-only and has its tag', () => {
  const shares = [
    { tag: 'app', path: '/opt/app' },
    { tag: 'images', path: '/h/images' },
  ] as const
  expect(valuesOf('-fsdev', { shares })).toHaveLength(2)
  for (const fsdev of valuesOf('-fsdev', { shares })) expect(fsdev).toContain('readonly=on')
  expect(valuesOf('-device', { shares })).toContain('virtio-9p-pci,fsdev=images,mount_tag=images')
})

test('each exec port is a socket and a port of its number', () => {
  expect(valuesOf('-chardev')).toContain('socket,id=exec1,server=on,wait=off,path=/s/exec.1.sock')
  expect(valuesOf('-device')).toContain('virtserialport,chardev=exec1,name=vulcan.exec.1')
})

test('a comma in a path does not end it', () => {
  expect(valuesOf('-drive', { rootfs: '/a,b/rootfs' })[0]).toMatch(/file=\/a,,b\/rootfs$/)
  expect(valuesOf('-fsdev', { shares: [{ tag: 'app', path: '/a,readonly=off' }] })[0]).toMatch(
    /path=\/a,,readonly=off$/,
  )
})

test('a kernel that panics ends QEMU', () => {
  expect(qemuArgv(options)).toContain('-no-reboot')
  expect(valuesOf('-append')[0]).toContain('panic=-1')
})

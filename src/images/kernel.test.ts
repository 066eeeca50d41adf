import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { collectModules, dropSignature, extractVmlinux, loadOrder, moduleInfo } from './kernel.ts'

const elf = Buffer.from('\u007fELF and the rest of a kernel', 'latin1')
const sizeAppended = Buffer.from([1, 2, 3, 4])

/** A bzImage as the boot protocol describes it: two setup sectors, the payload a little after them. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(3 * 512 + 16 + payload.length)
  image.writeUInt8(2, 0x1f1)
  image.write('HdrS', 0x202, 'latin1')
  image.writeUInt32LE(16, 0x248)
  image.writeUInt32LE(payload.length, 0x24c)
  payload.copy(image, 3 * 512 + 16)
  return image
}

test('the ELF comes out of a bzImage, whether packed by zstd or by gzip', async () => {
  expect(await extractVmlinux(bzImage(Buffer.concat([zstdCompressSync(elf), sizeAppended])))).toEqual(elf)
  expect(await extractVmlinux(bzImage(gzipSync(elf)))).toEqual(elf)
})

test('what is no kernel is refused by name', async () => {
  await expect(extractVmlinux(Buffer.alloc(4096))).rejects.toThrow('no bzImage')
  await expect(extractVmlinux(Buffer.from('short'))).rejects.toThrow('no bzImage')
  await expect(extractVmlinux(bzImage(Buffer.from('????????')))).rejects.toThrow('compressed in a way')
  await expect(extractVmlinux(bzImage(gzipSync(Buffer.from('no kernel'))))).rejects.toThrow('no ELF')
})

const moduleBytes = (name: string, depends: string, extra = '') =>
  Buffer.from(`\u007fELF\0license=GPL\0${extra}depends=${depends}\0name=${name}\0vermagic=6.12\0`, 'latin1')

function signed(module: Buffer): Buffer {
  const signature = Buffer.alloc(70, 7)
  const info = Buffer.alloc(12)
  info.writeUInt32BE(signature.length, 8)
  return Buffer.concat([module, signature, info, Buffer.from('~Module signature appended~\n')])
}

test('a module says its name, what it depends on and what it wants loaded before', () => {
  expect(moduleInfo(moduleBytes('virtio_net', 'net_failover,virtio-ring', 'softdep=pre: crc32c post: late\0'))).toEqual(
    {
      name: 'virtio_net',
      depends: ['net_failover', 'virtio_ring'],
      softPre: ['crc32c'],
    },
  )
  expect(moduleInfo(moduleBytes('plain', ''))).toEqual({ name: 'plain', depends: [], softPre: [] })
})

test('a signature is cut off; a module without one is as it was', () => {
  const module = moduleBytes('a', '')
  expect(dropSignature(signed(module))).toEqual(module)
  expect(dropSignature(module)).toEqual(module)
  expect(() => dropSignature(signed(Buffer.alloc(0)).subarray(10))).toThrow('shorter than its signature')
})

test('each module is loaded once, after everything it needs, also in a circle', async () => {
  const needs: Record<string, string[]> = {
    net: ['failover', 'ring'],
    failover: ['ring'],
    ring: [],
    a: ['b'],
    b: ['a'],
  }
  const info = (name: string) =>
    Promise.resolve(needs[name] && { name, depends: needs[name], softPre: name === 'net' ? ['built_in'] : [] })
  expect(await loadOrder(['net', 'ring', 'a'], info)).toEqual(['ring', 'failover', 'net', 'b', 'a'])
})

test('modules are collected unpacked, unsigned and in order; built-in ones are passed over, unknown ones refused', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-modules-'))
  const tree = join(folder.path, 'tree')
  await mkdir(join(tree, 'kernel/net'), { recursive: true })
  await writeFile(join(tree, 'modules.builtin'), 'kernel/drivers/virtio/virtio_pci.ko\n')
  await writeFile(join(tree, 'kernel/net/vsock.ko'), signed(moduleBytes('vsock', '')))
  await writeFile(join(tree, 'kernel/net/vmw-transport.ko.gz'), gzipSync(moduleBytes('vmw_transport', 'vsock')))
  const to = join(folder.path, 'out')
  expect(await collectModules(tree, ['vmw-transport', 'virtio_pci'], to)).toEqual(['vsock', 'vmw_transport'])
  expect(await readFile(join(to, 'order'), 'utf8')).toBe('vsock.ko\nvmw_transport.ko\n')
  expect((await readdir(to)).sort()).toEqual(['order', 'vmw_transport.ko', 'vsock.ko'])
  expect(await readFile(join(to, 'vsock.ko'))).toEqual(moduleBytes('vsock', ''))
  await expect(collectModules(tree, ['nonesuch'], to)).rejects.toThrow('no module nonesuch')
})

import { chmod, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkVersion, parseVersion, whyRefused } from './firecracker.ts'
import { isNewEnough, locateQemu, parseQemuVersion } from './qemu.ts'

async function program(output: string) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-version-'))
  const path = join(folder.path, 'program')
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`)
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test('the version of firecracker and jailer is read from what they print', () => {
  expect(parseVersion('Firecracker v1.12.1\n\nSupported snapshot data format versions: v6.0.0')).toBe('1.12.1')
  expect(parseVersion('Jailer v1.17.0-dev\n')).toBe('1.17.0-dev')
  expect(parseVersion('something else 1.12.1')).toBeUndefined()
})

test('1.12 and newer are run, but for two with vsock hangs', () => {
  for (const version of ['1.12.0', '1.15.1', '1.16.2', '1.17.0', '2.0.0']) expect(whyRefused(version)).toBeUndefined()
  for (const version of ['1.11.0', '0.25.2']) expect(whyRefused(version)).toContain('1.12 or newer')
  for (const version of ['1.16.0', '1.16.1']) expect(whyRefused(version)).toContain('vsock')
})

test('a binary is asked: a good one gives its version, a refused or silent one asset_refused with the reason', async () => {
  await using good = await program('Firecracker v1.15.1')
  expect(await checkVersion(good.path)).toBe('1.15.1')
  await using hanging = await program('Firecracker v1.16.1')
  await expect(checkVersion(hanging.path)).rejects.toMatchObject({ code: 'asset_refused', message: /1\.16\.1.*vsock/ })
  await using other = await program('hello')
  await expect(checkVersion(other.path)).rejects.toMatchObject({ code: 'asset_refused', message: /does not say/ })
  await expect(checkVersion('/nonexistent')).rejects.toMatchObject({ code: 'asset_refused' })
})

test('QEMU 8.1 and newer carry the machine', () => {
  expect(parseQemuVersion('QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)')).toBe('7.2.22')
  expect(parseQemuVersion('QEMU emulator version 10.0.2')).toBe('10.0.2')
  for (const version of ['8.1', '8.1.0', '9.0', '10.0.2']) expect(isNewEnough(version)).toBe(true)
  for (const version of ['7.2.22', '8.0.5', '5.2']) expect(isNewEnough(version)).toBe(false)
})

test('an old QEMU and a missing one are refused as host_unfit, with the reason', async () => {
  await using old = await program('QEMU emulator version 7.2.22')
  await expect(locateQemu(old.path)).rejects.toMatchObject({ code: 'host_unfit', message: /7\.2\.22.*8\.1.*hangs/s })
  await expect(locateQemu('/nonexistent')).rejects.toMatchObject({ code: 'host_unfit', hint: 'run: vulcan setup' })
  await using recent = await program('QEMU emulator version 9.2.1')
  expect(await locateQemu(recent.path)).toEqual({ command: recent.path, version: '9.2.1' })
})

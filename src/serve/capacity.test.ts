import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freeMib } from '../base/files.ts'
import { loadConfig } from '../config.ts'
import { capacityOf } from './capacity.ts'

test('vms together have the disk that is granted them, or what is free but for what the server itself needs', async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), 'vulcan-capacity-'))
  const { config } = loadConfig({ home: home.path })
  expect((await capacityOf({ ...config, 'concurrency.disk_mb': 700 })).diskMib).toBe(700)
  const { diskMib } = await capacityOf(config)
  // Others write to the same disk meanwhile.
  expect(Math.abs(diskMib - Math.max(0, (await freeMib(home.path)) - 1024))).toBeLessThan(512)
})

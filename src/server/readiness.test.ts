/** Ready is who can keep what a workload gives. On a real, small disk. */
import { expect, test } from 'vitest'
import { page, SmallDisk } from '../base/smalldisk.ts'
import { testServer } from './testing.ts'

const pages = (mib: number) => (mib << 20) / page

test('a disk without room for outputs takes the server out of service until there is some again', async () => {
  await using disk = await SmallDisk.make(pages(40))
  await using server = await testServer({ server: { home: disk.folder } })
  const ready = async () =>
    (await server.app.inject({ url: '/readyz', headers: { host: 'localhost' } })).json<unknown>()
  expect(await ready()).toEqual({ status: 'ready' })
  await disk.leave(pages(3))
  expect(await ready()).toMatchObject({
    status: 503,
    code: 'host_unfit',
    detail: 'the disk of $VULCAN_HOME has 3 MiB left: 16 are needed',
    hint: 'make room there; vulcan gc removes what was kept too long',
  })
  await disk.leave(pages(30))
  expect(await ready()).toEqual({ status: 'ready' })
})

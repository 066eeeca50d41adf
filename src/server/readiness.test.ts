/** Ready is who can keep what a workload gives. On a real, small disk. */
import { expect, test } from 'vitest'
import { page, SmallDisk } from '../base/smalldisk.ts'
import { testKey, testServer } from './testing.ts'

const pages = (mib: number) => (mib << 20) / page

test('a host on which no vm can start is not ready, says why, and takes no workload until one can', async () => {
  await using server = await testServer()
  const { app, backend } = server
  const headers = { host: 'localhost', authorization: `Bearer ${testKey}` }
  const ready = async () => (await app.inject({ url: '/readyz', headers })).json<unknown>()
  const submit = async (isolation: string) => {
    const payload = { runtime: 'python', code: '# fake: print a', isolation }
    return (await app.inject({ method: 'POST', url: '/v1/workloads', headers, payload })).json<unknown>()
  }
  backend.trouble = '/dev/kvm does not open: EACCES'
  const why = { status: 503, code: 'host_unfit', detail: expect.stringContaining(backend.trouble) }
  expect(await ready()).toMatchObject(why)
  expect(await submit('auto')).toMatchObject({ ...why, hint: 'vulcan doctor says what this host lacks' })
  expect(await submit('microvm')).toMatchObject(why)
  expect((await app.inject({ url: '/v1/backends', headers })).json<unknown>()).toMatchObject({
    backends: [{ name: 'fake', online: false, reason: backend.trouble }],
  })
  expect((await app.inject({ url: '/v1/nodes', headers })).json<unknown>()).toMatchObject({
    nodes: [{ online: false, reason: backend.trouble }],
  })
  backend.trouble = undefined
  expect(await ready()).toEqual({ status: 'ready' })
  expect(await submit('auto')).toMatchObject({ status: 'completed', stdout: 'a\n' })
})

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

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tarOf } from './archive/testing.ts'
import { testSettings } from './testing.ts'
import { capacity, running, schedulers, sleeper, soon } from './trial.ts'

const { home, open } = schedulers()

describe('what was asked for', () => {
  const tar = tarOf([{ path: 'main.py', content: 'print(1)' }])
  const request = {
    runtime: 'python',
    code_archive: tar.toString('base64'),
    args: ['a b'],
    env: { TOKEN: 'hush' },
    stdin: 'päron',
    input: { n: [1] },
    resources: { timeout_s: 1.5 },
    network: { mode: 'internet' as const, allow: ['192.0.2.0/24'] },
    labels: { team: 'x' },
  }

  test('is told again as it can be handed in again, while it waits, runs and after its end', async () => {
    const { scheduler } = await open({ capacity: { ...capacity, vms: 1, starting: 1 } })
    await using _closed = scheduler
    const first = await scheduler.accept(sleeper)
    await running(scheduler, first)
    const id = await scheduler.accept(request)
    const told = async () => scheduler.requests.read(id, { whole: true })
    const { code_archive: _archive, ...rest } = request
    const waiting = await told()
    expect(waiting).toMatchObject({ request: rest, env_names: ['TOKEN'], withheld: [] })
    expect(waiting).toMatchObject({ archive: { format: 'tar', bytes: tar.length, kept: true } })
    expect(waiting.request).toMatchObject({
      entrypoint: 'main.py',
      resources: { cpus: 1, mem_mb: 256, timeout_s: 1.5 },
    })
    await scheduler.kill(first)
    await scheduler.ended(id, soon())
    expect(await told()).toEqual(waiting)
    expect(await readFile((await scheduler.requests.archive(id)).path)).toEqual(tar)
    const again = await scheduler.accept({ ...waiting.request, code_archive: request.code_archive })
    expect((await scheduler.requests.read(again, { whole: true })).request).toEqual(waiting.request)
  })

  test('is told without what only its sender should see, by the names of what there was', async () => {
    const { scheduler } = await open()
    await using _closed = scheduler
    const id = await scheduler.accept({ ...sleeper, env: { TOKEN: 'hush' }, input: 'secret' })
    const told = await scheduler.requests.read(id, { whole: false })
    expect(told).toMatchObject({ env_names: ['TOKEN'], withheld: ['code', 'env', 'input'] })
    expect(told.request).toEqual({
      ...{ runtime: 'python', isolation: 'microvm', entrypoint: 'main.py', network: 'internet', priority: 0 },
      resources: { cpus: 1, mem_mb: 256, timeout_s: 30, disk_mb: 512, pids: 256 },
    })
  })

  test('of one that was cancelled while it waited is kept too', async () => {
    const { scheduler } = await open({ capacity: { ...capacity, vms: 1, starting: 1 } })
    await using _closed = scheduler
    await running(scheduler, await scheduler.accept(sleeper))
    const id = await scheduler.accept(request)
    await scheduler.kill(id)
    expect((await scheduler.record(id)).status).toBe('killed')
    expect((await scheduler.requests.read(id, { whole: true })).request.stdin).toBe('päron')
    expect(await readFile((await scheduler.requests.archive(id)).path)).toEqual(tar)
  })

  test('is forgotten at the end, archive and all, where the operator wants that', async () => {
    const retention = { ...testSettings.retention, requests: false }
    const { scheduler } = await open({ retention, capacity: { ...capacity, vms: 1, starting: 1 } })
    await using _closed = scheduler
    const first = await scheduler.accept(sleeper)
    await running(scheduler, first)
    const [ended, cancelled] = [await scheduler.accept(request), await scheduler.accept(request)]
    await scheduler.kill(cancelled)
    await scheduler.kill(first)
    await scheduler.ended(ended, soon())
    for (const id of [ended, cancelled]) {
      expect(await readdir(join(home(), 'runs', id))).not.toContain('archive')
      const unknown = { code: 'not_found', message: expect.stringContaining('is not kept') as string }
      await expect(scheduler.requests.read(id, { whole: true })).rejects.toMatchObject(unknown)
      await expect(scheduler.requests.archive(id)).rejects.toMatchObject(unknown)
    }
  })

  test('counts as kept: archives beyond the bound go with their records', async () => {
    const { scheduler } = await open({ retention: { ...testSettings.retention, bytes: 2 * tar.length } })
    await using _closed = scheduler
    const ids: string[] = []
    for (let n = 0; n < 3; n += 1) {
      const id = await scheduler.accept(request)
      await scheduler.ended(id, soon())
      ids.push(id)
    }
    await scheduler.sweep()
    expect(await readdir(join(home(), 'runs'))).toEqual(ids.slice(2))
  })
})

/** A template that cannot be made is not tried at every run: each try costs the node a boot and the disk a guest's memory. */
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Facts } from '../base/facts.ts'
import { page, SmallDisk } from '../base/smalldisk.ts'
import type { Image } from '../images/images.ts'
import type { FirecrackerFacts } from './facts.ts'
import { Templates } from './templates.ts'
import type { VmHost } from './vm.ts'

const of = { image: { name: 'python', digest: 'p' } as Image, size: { vcpus: 1, memMib: 256 }, diskMib: 64, nic: false }

const pages = (mib: number) => (mib << 20) / page

/** Templates of a node on which no vm can be made; `tries` counts how often that was found out. */
async function onFullNode(folder: string) {
  const book = { enter: () => Promise.reject(new Error('the disk is full')) }
  const facts = new Facts<FirecrackerFacts>()
  const templates = await Templates.open({ host: { book, assets: {} } as unknown as VmHost, folder, facts })
  let tries = 0
  facts.on('template.failed', () => (tries += 1))
  const used = async () => {
    templates.noteUse(of)
    await vi.waitFor(() => expect(templates.state().map(({ state }) => state)).not.toContain('building'))
    return tries
  }
  return { templates, used }
}

test('it is tried again after a rest, which is longer each time; whoever asks for it waits for none', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-templates-'))
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const { templates, used } = await onFullNode(folder.path)
  await using _ = templates
  expect(await used(), 'a class that was used once').toBe(0)
  expect(await used()).toBe(1)
  expect(templates.state()).toMatchObject([{ state: 'failed', runtime: 'python', reason: 'Error: the disk is full' }])
  expect(await used(), 'at once').toBe(1)
  vi.advanceTimersByTime(31_000)
  expect(await used(), 'after the first rest').toBe(2)
  vi.advanceTimersByTime(31_000)
  expect(await used(), 'in the second, which is longer').toBe(2)
  templates.want(of)
  await vi.waitFor(async () => expect(await used(), 'asked for').toBe(3))
  vi.advanceTimersByTime(24 * 3_600_000)
  expect(await used(), 'no rest is for ever').toBe(4)
})

test('one whose memory the disk has no room for, or that would take too long to write, is not begun, and is told why', async () => {
  await using disk = await SmallDisk.make(pages(64))
  const entered = vi.fn<() => Promise<never>>(() => Promise.reject(new Error('it was begun')))
  const host = { book: { enter: entered }, assets: {} } as unknown as VmHost
  const facts = new Facts<FirecrackerFacts>()
  await using templates = await Templates.open({ host, folder: join(disk.folder, 'templates'), facts })
  const reasonOf = async (memMib: number) => {
    const told = new Promise<string>((tell) => facts.on('template.failed', ({ message }) => tell(message)))
    templates.want({ ...of, size: { vcpus: 1, memMib } })
    return told
  }
  expect(await reasonOf(256)).toMatch(/has \d+ MiB left; making it takes 768/)
  expect(await reasonOf(9000)).toContain('more than 8192 MiB')
  expect(entered).not.toHaveBeenCalled()
})

/** What a VMM finds of one before it: nothing, since a uid comes round again only when all of its last vm is gone. */
import { expect, test } from 'vitest'
import { client, endServer, nodeHome, onNode, python, settled } from '../system/harness.ts'
import { sleeper } from '../system/probe.ts'

test('a uid is nobody’s while anything of its vm is left, also for the next server', async () => {
  const api = await client()
  expect(await settled()).toEqual([])
  const id = await sleeper('none', { mem_mb: 133 })
  const { run } = await api.get(id)
  const [vmId, uid] = [run?.vm_id ?? '', run?.details?.uid]
  const held = `${await nodeHome()}/jails/firecracker/${vmId}/root/held`
  // A file system that somebody uses: the jail cannot be removed.
  await onNode(
    `mkdir ${held} && mount -t tmpfs none ${held} && { cd ${held}; setsid sleep 900 >/dev/null 2>&1 & echo $! > /tmp/holder; }`,
  )
  await api.kill(id)
  for await (const event of api.logs(id)) if (event.event === 'end') break
  const inBook = `cat /run/vulcan-*/vms/${vmId}`
  for (const signal of ['', 'KILL']) {
    if (signal) await endServer(signal)
    await expect
      .poll(async () => (await api.leftovers()).leftovers.map(({ kind }) => kind).toSorted(), {
        timeout: 120_000,
        interval: 1000,
      })
      .toEqual(['jail', 'mount'])
    expect(JSON.parse(await onNode(inBook))).toMatchObject({ uid, owner: { kind: 'run', id } })
    expect((await python('pass')).run?.details?.uid).not.toBe(uid)
  }
  await onNode('kill $(cat /tmp/holder)')
  await expect.poll(() => onNode(`${inBook} || echo gone`), { timeout: 120_000, interval: 1000 }).toBe('gone\n')
  expect(await settled()).toEqual([])
})

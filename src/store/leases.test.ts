/** The lease machine against a model: nodes that claim, die, come back late, keys that are at their limit, and a clock that jumps. */
import { mkdir, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Queue, shownOf } from './leasemodel.ts'
import { insertTenants, moves } from './leasemoves.ts'
import { Store } from './store.ts'

test('whatever nodes do and whenever: what is next goes to whoever has room for it, to nobody else until it is given back, ends once by its newest owner, is never lost, and no key runs more than it may or holds up another', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-leases-'))
  let round = 0
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const home = join(folder.path, String((round += 1)))
      await mkdir(home)
      await using store = await Store.open(home)
      await insertTenants(store)
      const model = new Queue()
      await fc.asyncModelRun(() => ({ model, real: { store } }), all)
      for (const one of model.all) expect(await store.find(one.id)).toMatchObject(shownOf(one))
    }),
    // Of what fails, the shortest that is found meanwhile is told.
    { numRuns: 60, interruptAfterTimeLimit: 40_000 },
  )
})

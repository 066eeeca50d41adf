/** The lease machine against a model: nodes that claim, die, come back late, keys that are at their limit, and a clock that jumps. */
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Queue, shownOf } from './leasemodel.ts'
import { insertTenants, moves } from './leasemoves.ts'
import { NodeSqliteDialect } from './sqlite.ts'
import { storeOn } from './storeon.ts'

test('whatever nodes do and whenever: what is next goes to whoever has room for it, to nobody else until it is given back, ends once by its newest owner, is never lost, and no key runs more than it may or holds up another', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      using database = new DatabaseSync(':memory:')
      await using store = await storeOn(new NodeSqliteDialect(database))
      await insertTenants(store)
      const model = new Queue()
      await fc.asyncModelRun(() => ({ model, real: { store } }), all)
      for (const one of model.all) expect(await store.find(one.id)).toMatchObject(shownOf(one))
    }),
    // Of what fails, the shortest that is found meanwhile is told.
    { numRuns: 60, interruptAfterTimeLimit: 40_000 },
  )
})

/** The part of the contract that is about the network's refusals: they are told while a run goes on, and known at its end. */
import assert from 'node:assert/strict'
import type { Denial } from '../../src/backend/denial.ts'
import type { Case } from './backend.contract.ts'
import { collect, firstLine, never, recoveryOf, specOf } from './collect.ts'

const network = { mode: 'internet', allow: [] } as const

const said = ({ rule, protocol, address, port }: Denial) => [rule, protocol, address, port]
const named = ({ rule, protocol, host, address }: Denial) => [rule, protocol, host, address]
const misnamed = ['allow', 'dns', 'other.example', undefined]
const wanted = ['private', 'tcp', '10.1.2.3', 80]

export const deniedContract: readonly Case[] = [
  {
    name: 'what the network refused is told once, and counted in the facts of a run that has ended',
    async check(offered) {
      const { backend, programs } = offered
      await using run = await backend.execute(specOf(offered, programs.refused, { network }), never)
      const told: Denial[] = []
      const following = (async () => {
        for await (const denial of run.denied) told.push(denial)
      })()
      assert.equal((await collect(run)).stdout, 'refused\n')
      await run.exited
      await following
      assert.deepEqual(told.map(said), [wanted])
      const { known = [], others } = run.facts().denials ?? {}
      assert.deepEqual([known.map(said), known[0]?.count, others], [[wanted], 2, 0])
    },
  },
  {
    name: 'a run that was let go of: its refusals end, and who recovers it is told all of them',
    async check(offered) {
      const { backend, programs } = offered
      const spec = specOf(offered, `${programs.refused}\n${programs.wait}`, { network })
      const first = await backend.execute(spec, never)
      // What it says next may come with it.
      assert.match(await firstLine(first), /^refused\n/)
      await first.release()
      for await (const denial of first.denied) assert.deepEqual(said(denial), wanted)
      await using second = await backend.recover(spec, recoveryOf(first.facts()), never)
      assert.ok(second)
      for await (const denial of second.denied) {
        assert.deepEqual(said(denial), wanted)
        break
      }
      assert.equal(second.facts().denials?.known[0]?.count, 2)
    },
  },
  {
    name: 'a name that is not on the list is refused by name, and known to who recovers the run',
    async check(offered) {
      const { backend, programs } = offered
      const listed = { mode: 'internet', allow: ['listed.example'] } as const
      const spec = specOf(offered, `${programs.misnamed}\n${programs.wait}`, { network: listed })
      const first = await backend.execute(spec, never)
      assert.match(await firstLine(first), /^unknown\n/)
      for await (const denial of first.denied) {
        assert.deepEqual(named(denial), misnamed)
        break
      }
      await first.release()
      await using second = await backend.recover(spec, recoveryOf(first.facts()), never)
      assert.ok(second)
      for await (const denial of second.denied) {
        assert.deepEqual(named(denial), misnamed)
        break
      }
      assert.deepEqual(second.facts().denials?.known.map(named), [misnamed])
    },
  },
  {
    name: 'a run that was refused nothing says nothing of it',
    async check(offered) {
      await using run = await offered.backend.execute(specOf(offered, offered.programs.echo), never)
      await collect(run)
      await run.exited
      for await (const denial of run.denied) assert.fail(said(denial).join(' '))
      assert.equal(run.facts().denials, undefined)
    },
  },
]

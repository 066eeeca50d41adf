/** What becomes of a template whose vms begin no program. */
import { expect, test } from 'vitest'
import { testSpec } from '../backend/testing.ts'
import { Facts } from '../base/facts.ts'
import type { Image } from '../images/images.ts'
import type { FirecrackerFacts } from './facts.ts'
import { Starter } from './starter.ts'
import type { StarterOptions } from './starter.ts'

const request = { spec: testSpec(), image: { name: 'python', digest: 'p' } as Image }

function starterWith(memory: string | undefined) {
  const done: string[] = []
  const facts = new Facts<FirecrackerFacts>()
  facts.on('template.failed', ({ message }) => done.push(message))
  const templates = {
    find: () => memory && { memory },
    discard: () => Promise.reject(new Error(`discarded: ${done.push('discarded')}`)),
  }
  const pool = { drain: () => Promise.resolve(done.push('drained')) }
  return { done, starter: new Starter({ facts, templates, pool } as unknown as StarterOptions) }
}

test('a template is put away, with what waits, when two programs in a row do not begin in its vms', () => {
  const { done, starter } = starterWith('/templates/a/memory')
  starter.noteHung(request)
  starter.noteBegun(request)
  starter.noteHung(request)
  expect(done).toEqual([])
  starter.noteHung(request)
  expect(done).toEqual(['2 programs in a row did not begin in vms that went on from it', 'discarded', 'drained'])
})

test('where there is no template any more, nothing is put away', () => {
  const { done, starter } = starterWith(undefined)
  for (let times = 0; times < 3; times += 1) starter.noteHung(request)
  expect(done).toEqual([])
})

import { expect, test } from 'vitest'
import { Facts } from '../base/facts.ts'
import type { Level } from '../base/say.ts'
import type { FirecrackerFacts } from './facts.ts'
import { tellNews } from './news.ts'

test('what the operator should look into is a warning or an error; what went as it should is not', () => {
  const facts = new Facts<FirecrackerFacts>()
  const said: (readonly [string, Level | undefined])[] = []
  tellNews(facts, (words, level) => said.push([words, level]))
  facts.emit('vm.recovered', { vmId: 'a', runtime: 'python' })
  facts.emit('vm.leftover', { vmId: 'b', message: 'its cgroup is busy' })
  facts.emit('vm.recovery_failed', { vmId: 'c', message: 'no agent answers' })
  expect(said).toEqual([
    ['vm a of an earlier server goes on', undefined],
    ['vm b left something behind: its cgroup is busy', 'warning'],
    ['vm c could not be taken up: no agent answers', 'error'],
  ])
})

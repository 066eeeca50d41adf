/** Criterion 1: Firecracker is a backend like any other: the contract of the seam, case by case, on real microVMs. */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { backendContract } from '../contract/backend.contract.ts'
import { hasMachine, nodeHome, onNode } from './harness.ts'
import { root } from './places.ts'

const outcomes = new Map<string, { readonly error?: string }>()

beforeAll(async () => {
  const checkout = (await hasMachine()) ? '/opt/vulcan' : root
  const said = await onNode(`node ${join(checkout, 'test/contract/node.ts')} ${await nodeHome()}`)
  for (const line of said.trim().split('\n')) {
    const { name, ...outcome } = JSON.parse(line) as { name: string; error?: string }
    outcomes.set(name, outcome)
  }
}, 900_000)

for (const { name } of backendContract) {
  test(name, () => {
    expect(outcomes.get(name)).toEqual({})
  })
}

/** Criterion 1: Firecracker is a backend like any other: the contract of the seam, case by case, on real microVMs. */
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { backendContract } from '../contract/backend.contract.ts'
import { hasMachine, nodeHome, onNode } from './harness.ts'
import { root } from './places.ts'

/** Two dozen cases, a vm or two each. */
const contractMs = 1_800_000
const outcomes = new Map<string, { readonly error?: string }>()

beforeAll(async () => {
  const checkout = (await hasMachine()) ? '/opt/vulcan' : root
  const script = `node ${join(checkout, 'test/contract/node.ts')} ${await nodeHome()}`
  const said = await onNode(script, { timeoutMs: contractMs })
  for (const line of said.trim().split('\n')) {
    const { name, ...outcome } = JSON.parse(line) as { name: string; error?: string }
    outcomes.set(name, outcome)
  }
}, contractMs)

for (const { name } of backendContract) {
  test(name, () => {
    expect(outcomes.get(name)).toEqual({})
  })
}

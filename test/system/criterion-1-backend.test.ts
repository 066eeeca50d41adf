/** Criterion 1: Firecracker is a backend like any other: the contract of the seam, case by case, on real microVMs. */
import { beforeAll, expect, test } from 'vitest'
import { backendContract } from '../contract/backend.contract.ts'
import { nodeHome } from './harness.ts'
import { runScript } from './script.ts'

/** Two dozen cases, a vm or two each. */
const contractMs = 1_800_000
const failures = new Map<string, string | undefined>()

/** Checks those cases on the node, all of them where none is named, and keeps why each failed. */
async function check(...names: readonly string[]): Promise<void> {
  const said = await runScript('test/contract/node.ts', [await nodeHome(), ...names], { timeoutMs: contractMs })
  for (const line of said.trim().split('\n')) {
    const { name, error } = JSON.parse(line) as { name: string; error?: string }
    failures.set(name, error)
  }
}

beforeAll(() => check(), contractMs)

for (const { name } of backendContract) {
  test(name, async () => {
    // One process checked them all; a second try is that case by itself.
    if (!failures.has(name)) await check(name)
    const failure = failures.get(name)
    const checked = failures.delete(name)
    // An assertion would show the first words of it alone.
    if (failure !== undefined) throw new Error(failure)
    expect(checked).toBe(true)
  })
}

/** A run's spec for tests. */
import type { RunSpec } from './backend.ts'

export function testSpec(more: Partial<RunSpec> = {}): RunSpec {
  return {
    id: '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e',
    runtime: 'python',
    source: { kind: 'code', name: 'main.py', content: Buffer.from('') },
    entrypoint: 'main.py',
    args: [],
    env: {},
    resources: { cpus: 1, memMib: 256, timeoutMs: 60_000, diskMib: 256, pids: 64 },
    network: { mode: 'none', allow: [] },
    outputLimitBytes: 1 << 20,
    ...more,
  }
}

/** Programs of Node cannot tell an interpreter that waited from a new one. */
import { expect, test } from 'vitest'
import { compared, conformanceMs, same } from './conformance.ts'

const starter =
  'process.exit(require("child_process").spawnSync(ARGV[0], ARGV.slice(1), { cwd: "native/guest/session", stdio: "inherit" }).status)'

test(
  'whatever a program prints of its process is the same',
  async () => {
    const said = await compared({ runtime: 'node', name: 'ANode', main: 'main.js', starter })
    expect(said.code, said.stdout.slice(-20_000) + said.stderr).toBe(0)
    expect(same(said)).toBeGreaterThan(40)
    expect(said.stdout).not.toMatch(/--- (FAIL|SKIP)/)
  },
  conformanceMs,
)

/** Programs of Python cannot tell an interpreter that waited from a new one. */
import { expect, test } from 'vitest'
import { testConformance } from './conformance.ts'
import { python, settled } from './harness.ts'
import { eventually } from './outside.ts'

const starter = 'import os\nos.chdir("native/guest/session")\nos.execv(ARGV[0], ARGV)'

testConformance({ runtime: 'python', name: 'APython', main: 'main.py', starter })

test('a plain program has an interpreter that waited, once a template is there; one with settings of its own has not', async () => {
  const once = (env: Record<string, string> = {}) => python('import sys; print(sys.argv)', { env })
  const look = async () => {
    const { run, stdout } = await once()
    expect(stdout).toBe("['main.py']\n")
    return run?.details?.interpreter === 'waited' ? true : undefined
  }
  await eventually('an interpreter that waited', look, { withinMs: 400_000 })
  const { run, stdout } = await once({ PYTHONHASHSEED: '1' })
  expect([run?.details?.interpreter, stdout]).toEqual(['new', "['main.py']\n"])
  expect(await settled()).toEqual([])
})

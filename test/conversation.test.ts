/** The page for the learner knows every frame that the protocol has. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { meaningOf } from '../dashboard/learn/frames.ts'
import { stream } from '../src/base/frames.ts'
import { kindOf, operations } from '../src/firecracker/framekind.ts'

const protocol = readFileSync(resolve(import.meta.dirname, '../src/firecracker/PROTOCOL.md'), 'utf8')
const unknown = meaningOf({ kind: 'unknown' })

test('each operation of PROTOCOL.md within a session is known by its name, and has a sentence', () => {
  const sessions = protocol.slice(protocol.indexOf('## Sessions'))
  const told = [...sessions.matchAll(/"op":"(\w+)"/g)].map(([, op]) => op as string)
  expect(operations).toEqual(new Set(told))
  for (const kind of operations) expect(meaningOf({ kind }), kind).not.toBe(unknown)
})

test('each stream has a sentence for what goes over it, and for its end', () => {
  for (const [name, id] of Object.entries(stream)) {
    if (name === 'control') continue
    expect(meaningOf({ kind: kindOf({ type: 'data', stream: id, data: Buffer.from('x') }) }), name).not.toBe(unknown)
    expect(meaningOf({ kind: kindOf({ type: 'end', stream: id }) }), name).not.toBe(unknown)
  }
})

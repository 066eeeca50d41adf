import { expect, test } from 'vitest'
import { ProtocolError } from '../base/frames.ts'
import { attachedOf, endedOf, stepOf, wordsOf } from './said.ts'

const usage = { cpu_us: 1, peak_mem_bytes: 2, throttled_us: 0, disk_written_bytes: 0, net_rx_bytes: 0, net_tx_bytes: 0 }
const exit = { op: 'exit', code: 0, signal: null, oom: false, disk_full: false, result: 'none', wall_us: 5, usage }
const attached = { op: 'attached', tag: 'program', stdin_bytes: 0, stdin_ended: true, wall_us: 1, ended: false }

test('what the agent says is read as it is', () => {
  expect(endedOf(exit)).toBe(exit)
  expect(endedOf({ ...exit, code: null, signal: 'SIG34' })).toMatchObject({ signal: 'SIG34' })
  expect(attachedOf(attached)).toBe(attached)
})

/** What somebody may say who has taken the agent over. */
const lies: readonly unknown[] = [
  ...[undefined, null, true, '', 'x'.repeat(1 << 20), 'SIG\u001B[2J', '0', -1, 1.5, 1e300, [], {}, { length: 1 }],
]

test.each(Object.keys(exit).filter((field) => !['op', 'wall_us'].includes(field)))(
  'an exit with another %s than there can be is refused',
  (field) => {
    const fitting = { code: [null], signal: [null], oom: [true], disk_full: [true] }[field] ?? []
    for (const lie of lies.filter((lie) => !fitting.includes(lie as never))) {
      expect(() => endedOf({ ...exit, [field]: lie }), JSON.stringify(lie)?.slice(0, 80)).toThrow(ProtocolError)
    }
  },
)

test.each(Object.keys(usage))('an exit whose usage has another %s than a whole number is refused', (field) => {
  for (const lie of lies.filter((lie) => lie !== -1)) {
    const said = { ...exit, usage: { ...usage, [field]: lie } }
    expect(() => endedOf(said), JSON.stringify(lie)?.slice(0, 80)).toThrow(ProtocolError)
  }
})

test.each(Object.keys(attached).filter((field) => field !== 'op'))(
  'an answer to attach with another %s than there can be is refused',
  (field) => {
    for (const lie of lies.filter((lie) => lie !== true)) {
      expect(() => attachedOf({ ...attached, [field]: lie }), JSON.stringify(lie)?.slice(0, 80)).toThrow(ProtocolError)
    }
  },
)

test('a refusal names a step that there is, and its words end', () => {
  expect([stepOf('unpack'), stepOf('a new label for each run'), stepOf({}), stepOf('__proto__')]).toEqual([
    'unpack',
    undefined,
    undefined,
    undefined,
  ])
  expect(wordsOf('../evil leaves the tree')).toBe('../evil leaves the tree')
  expect(wordsOf('x'.repeat(1 << 20)).length).toBeLessThan(2100)
  expect(wordsOf({ toString: 1 })).toBe('no reason')
})

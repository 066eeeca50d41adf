import { expect, test } from 'vitest'
import { hasRoom } from './rooms.ts'

const capacity = { vms: 3, starting: 2, cpus: 4, memMib: 1000, diskMib: 500, overheadMib: 100 }
const one = { cpus: 1, memMib: 200, diskMib: 100 }
const runs = { ...one, starting: false }
const starts = { ...one, starting: true }

test('a node has room up to its vms, its starts, its cores, its disk and its memory with what a vm takes on top', () => {
  expect(hasRoom(capacity, [], one)).toBe(true)
  expect(hasRoom(capacity, [runs, starts], one)).toBe(true)
  expect(hasRoom(capacity, [runs, runs, runs], one)).toBe(false)
  expect(hasRoom(capacity, [starts, starts], one)).toBe(false)
  expect(hasRoom(capacity, [runs], { ...one, cpus: 3, memMib: 600 })).toBe(true)
  expect(hasRoom(capacity, [runs], { ...one, cpus: 3.5, memMib: 600 })).toBe(false)
  expect(hasRoom(capacity, [runs], { ...one, cpus: 3, memMib: 601 })).toBe(false)
  expect(hasRoom(capacity, [runs], { ...one, diskMib: 400 })).toBe(true)
  expect(hasRoom(capacity, [runs], { ...one, diskMib: 401 })).toBe(false)
})

test('what is larger than the node runs alone', () => {
  expect(hasRoom(capacity, [], { cpus: 64, memMib: 5000, diskMib: 9000 })).toBe(true)
  expect(hasRoom(capacity, [runs], { cpus: 64, memMib: 5000, diskMib: 9000 })).toBe(false)
})

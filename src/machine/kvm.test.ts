import { expect, test } from 'vitest'
import { judgeKvm, virtualisationFlag } from './kvm.ts'

test('KVM is usable when flag, device and vm are there', () => {
  expect(judgeKvm({ flag: 'svm', open: 'ok', createVm: 'ok' })).toEqual({ usable: true, flag: 'svm' })
})

test('a device that opens and makes vms is of no use without the processor’s flag', () => {
  expect(judgeKvm({ flag: undefined, open: 'ok', createVm: 'ok' })).toMatchObject({ usable: false, failed: 'flags' })
})

test.each([
  [{ flag: undefined, open: 'EACCES', createVm: 'not tried' }, 'flags', 'neither svm nor vmx'],
  [{ flag: 'vmx', open: 'EACCES: permission denied', createVm: 'not tried' }, 'open', 'EACCES: permission denied'],
  [{ flag: 'vmx', open: 'ok', createVm: 'device or resource busy' }, 'createVm', 'device or resource busy'],
] as const)('%o: the first condition that fails is named', (found, failed, words) => {
  const state = judgeKvm(found)
  expect(state).toMatchObject({ usable: false, failed })
  expect(state.usable ? '' : state.reason).toContain(words)
})

test.each([
  ['processor\t: 0\nflags\t\t: fpu vmx sse\n', 'vmx'],
  ['flags : fpu svm\n', 'svm'],
  ['flags : fpu svm_lock\nmodel name : vmx\n', undefined],
  ['vmx flags\t: vnmi\nflags : fpu\n', undefined],
  ['', undefined],
])('the flag in %j is %s', (cpuinfo, flag) => {
  expect(virtualisationFlag(cpuinfo)).toBe(flag)
})

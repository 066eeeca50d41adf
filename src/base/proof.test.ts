import { expect, test } from 'vitest'
import { isProof, newChallenge, newSecret, proofOf } from './proof.ts'

test('who knows the secret answers a challenge; no other answer will do, whatever it is', () => {
  const [secret, challenge] = [newSecret(), newChallenge()]
  expect(isProof(proofOf(secret, challenge), { secret, challenge })).toBe(true)
  const others = [
    proofOf(newSecret(), challenge),
    proofOf(secret, newChallenge()),
    '',
    undefined,
    {},
    null,
    'ü'.repeat(64),
  ]
  expect(others.filter((answer) => isProof(answer, { secret, challenge }))).toEqual([])
})

test('secrets and challenges are new each time', () => {
  expect(new Set([newSecret(), newSecret()]).size).toBe(2)
  expect(new Set([newChallenge(), newChallenge()]).size).toBe(2)
})

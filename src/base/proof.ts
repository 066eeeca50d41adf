/** A proof that somebody knows a secret, which does not tell it: the answer to a challenge that is new each time. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Nobody guesses it: 256 bits, in hex. */
export const newSecret = (): string => randomBytes(32).toString('hex')

/** Never asked before: 256 bits, as base64url. */
export const newChallenge = (): string => randomBytes(32).toString('base64url')

/** HMAC-SHA-256 of the challenge, in hex. */
export function proofOf(secret: string, challenge: string): string {
  return createHmac('sha256', secret).update(challenge).digest('hex')
}

/** Whether an answer, which may be anything, is the proof; how long that takes tells nothing of it. */
export function isProof(answer: unknown, { secret, challenge }: { secret: string; challenge: string }): boolean {
  const [given, right] = [Buffer.from(String(answer)), Buffer.from(proofOf(secret, challenge))]
  return given.length === right.length && timingSafeEqual(given, right)
}

/** Subjects and patterns of them. Pure. */
import { VulcanError } from '../api/errors.ts'

const subject = /^[\w-]+(\.[\w-]+)*$/
const pattern = /^(>|[\w-]+(\.[\w-]+)*(\.>)?)$/

export function checkSubject(text: string): void {
  if (!subject.test(text)) throw new VulcanError('invalid_field', `${JSON.stringify(text)} is not a subject`)
}

/** Tells of each subject whether it fits the pattern. Throws invalid_field where it is none. */
export function matcherOf(text: string): (subject: string) => boolean {
  if (!pattern.test(text))
    throw new VulcanError('invalid_field', `${JSON.stringify(text)} is not a pattern of subjects`)
  if (text === '>') return () => true
  if (!text.endsWith('.>')) return (subject) => subject === text
  const head = text.slice(0, -1)
  return (subject) => subject.startsWith(head)
}

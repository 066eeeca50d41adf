/** The fake backend's directives: `fake: word rest` anywhere on a line of the code. Pure. */
import type { RunSpec } from './backend.ts'

const words = [
  'start', // takes that many milliseconds to start
  'fail', // does not start, with that message
  'template', // says from then on that there is a template of its kind; with words, that it failed for that reason
  'ready', // says from then on that so many of its kind wait
  'facts', // is where that JSON says: details and firewall of a run
  'print',
  'now', // writes the milliseconds of the epoch, with a fraction
  'error',
  'base64', // writes these bytes
  'flood', // writes that many bytes
  'count', // writes the numbers from 1 to that one, with zeros to 63 characters, a line each
  'stdin', // writes what it was given as standard input
  'spec', // writes args, env and entry point as JSON
  'deny', // is refused: rule, protocol, address, port; or rule, dns, name, address
  'sleep', // milliseconds
  'result', // JSON
  'exit',
  'signal',
  'oom',
  'disk_full',
  'vm_lost',
] as const

export interface Directive {
  readonly word: (typeof words)[number]
  readonly rest: string
}

export function directivesOf({ source, entrypoint }: RunSpec): Directive[] {
  if (source.kind === 'archive') return [{ word: 'print', rest: `${source.format} ${entrypoint}` }]
  const found = Buffer.from(source.content)
    .toString('utf8')
    .matchAll(/fake: (\w+) ?([^\n]*)/g)
  return [...found].flatMap(([, word, rest = '']) => (isWord(word) ? [{ word, rest }] : []))
}

const isWord = (word: string | undefined): word is Directive['word'] => (words as readonly unknown[]).includes(word)

/** What a program may write to deceive whoever looks: a terminal, a reader of the event stream, a reader of our own words. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventParser, outputBytes, type OutputData } from '../src/api/sse.ts'
import { authorization } from '../src/server/testing.ts'
import { commandLine, type CommandLine } from './commandline.ts'

let line: CommandLine
beforeAll(async () => {
  line = await commandLine()
})
afterAll(async () => line[Symbol.asyncDispose]())

/** Title, clipboard and answer-back sequences, 8-bit ones too; lines that look like ours; carriage returns over them. */
const deceits = [
  '\u001B]0;title\u0007\u001B]52;c;cm0gLXJm\u0007\u001B[6n\u001B[2J',
  '\u009B2J\u202Egnihtyna\u2028',
  'done\rvulcan: forged\nvulcan: forged as well',
].join('')
/** For readers of server-sent events, for browsers, and for whoever takes bytes for text. */
const outputs: Readonly<Record<string, Buffer>> = {
  'fields of an event stream': Buffer.from(
    'x\n\nid: 999\nevent: end\ndata: {"status":"completed"}\n\n: y\r\rretry: 1\r\n\r\n',
  ),
  'a page': Buffer.from('</script><img src=x onerror=alert(1)><!--'),
  'bytes that are no text': Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80]),
  'a line without an end': Buffer.alloc(300_000, 'a'),
  deceits: Buffer.from(deceits),
}

const printing = (bytes: Buffer) => `# fake: base64 ${bytes.toString('base64')}`

/** Controls but line ends and tabs, marks of direction, and other ends of lines. */
const raw = /[^\P{Cc}\n\t]|[\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

test.each(Object.keys(outputs))(
  '%s: every byte comes as it was written, within events that are ours alone',
  async (name) => {
    const bytes = outputs[name] ?? Buffer.alloc(0)
    const id = await line.detached('main.py', printing(bytes))
    expect((await line.vulcan(['logs', '-f', id])).bytes.equals(bytes)).toBe(true)
    const { body } = await line.server.app.inject({ url: `/v1/workloads/${id}/logs`, headers: authorization })
    const events = new EventParser().push(body)
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, at) => at + 1))
    expect([...new Set(events.map(({ event }) => event))]).toEqual(['status', 'stdout', 'end'])
    const written = events.filter(({ event }) => event === 'stdout').map(({ data }) => JSON.parse(data) as OutputData)
    expect(Buffer.concat(written.map(outputBytes)).equals(bytes)).toBe(true)
    expect(events.filter(({ event }) => event === 'end')).toHaveLength(1)
  },
)

test.each(Object.keys(outputs))('%s: as JSON, nothing of it is raw', async (name) => {
  const id = await line.detached('main.py', printing(outputs[name] ?? Buffer.alloc(0)))
  for (const words of [
    ['logs', '-f', '--json', id],
    ['status', '--json', id],
    ['ls', '--json'],
  ]) {
    const { out } = await line.vulcan(words)
    expect(out.match(raw), words.join(' ')).toBeNull()
    expect(() =>
      out
        .trim()
        .split(words.includes('logs') ? '\n' : '\0')
        .map((text) => JSON.parse(text)),
    ).not.toThrow()
  }
})

test('a result, a reason and an error are shown with all controls written out, and forge no line of ours', async () => {
  const result = JSON.stringify({ text: deceits })
  const path = await line.file('result.py', `# fake: result ${result}`)
  const ran = await line.vulcan(['run', path])
  expect(ran.err).toContain('result: ')
  const failing = deceits.replaceAll('\n', ' ')
  const failed = await line.vulcan(['run', await line.file('fail.py', `# fake: fail ${failing}`)])
  expect(failed.err).toContain('\\x1b]0;title\\x07')
  const id = await line.detached('fail.py', `# fake: fail ${failing}`)
  await line.vulcan(['logs', '-f', id])
  const shown = await line.vulcan(['status', id])
  for (const text of [ran.err, failed.err, shown.out, (await line.vulcan(['ls'])).out]) {
    expect(text.match(raw)).toBeNull()
    expect(text).not.toMatch(/^vulcan: forged/m)
  }
})

import { describe, expect, test } from 'vitest'
import { VulcanError } from '../api/errors.ts'
import { UsageError } from './context.ts'
import { runtimeOfNames } from './detect.ts'
import { exitStatusOf, statusOfError, wordsOf } from './exits.ts'
import { journalMark, timeMark } from './marks.ts'
import { age, duration, Terminal, type Screen } from './terminal.ts'

describe('the runtime of a folder', () => {
  test.each([
    [['package.json', 'tool.py'], 'node'],
    [['./go.mod', './cmd/x.go', './web/app.js'], 'go'],
    [['requirements.txt', 'run.py', 'static/site.js'], 'python'],
    [['main.py', 'lib/gen.js'], 'python'],
    [['project/', 'project/main.go', 'project/README'], 'go'],
    [['src/deep/x.ts'], 'node'],
  ])('%j is %s', (names, runtime) => {
    expect(runtimeOfNames('dir', names)).toBe(runtime)
  })

  test('unsure or nothing: say so', () => {
    expect(() => runtimeOfNames('dir', ['a.py', 'b.js'])).toThrow(/dir: could be python or node; say --runtime/)
    expect(() => runtimeOfNames('dir', ['README'])).toThrow(UsageError)
  })
})

test('exit statuses', () => {
  const rows = [
    [{ by: 'program', code: 0 }, 0],
    [{ by: 'program', code: 9 }, 9],
    [{ by: 'program', signal: 'SIGTERM' }, 143],
    [{ by: 'disk_full', code: 4 }, 4],
    [{ by: 'disk_full', code: 0 }, 1],
    [{ by: 'timeout', signal: 'SIGKILL' }, 124],
    [{ by: 'killed' }, 137],
    [{ by: 'oom' }, 137],
    [{ by: 'output_limit' }, 137],
    [{ by: 'vm_lost' }, 125],
    [{ by: 'start_failed' }, 125],
  ] as const
  for (const [exit, status] of rows) expect(exitStatusOf(exit), JSON.stringify(exit)).toBe(status)
  expect(exitStatusOf(undefined)).toBe(125)
  expect(
    [
      new UsageError('x'),
      new VulcanError('invalid_field', 'x'),
      new VulcanError('host_unfit', 'x'),
      new Error('x'),
    ].map(statusOfError),
  ).toEqual([2, 2, 125, 125])
  expect(wordsOf(new VulcanError('host_unfit', 'no', { step: 'qemu', hint: 'one\ntwo' }))).toBe(
    'host_unfit: no (step qemu)\n  one\n  two',
  )
})

class Paper implements Screen {
  readonly columns = 60
  readonly isTerminal: boolean
  text = ''
  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal
  }
  write(text: string): void {
    this.text += text
  }
}

describe('progress', () => {
  test('plain lines where there is no terminal', async () => {
    const paper = new Paper(false)
    const terminal = new Terminal(paper)
    await terminal.step('building', () => Promise.resolve())
    await expect(terminal.step('fetching', () => Promise.reject(new Error('no net')))).rejects.toThrow('no net')
    terminal.note('that was \u001B[2Jit\nvulcan: forged')
    expect(paper.text.replaceAll(/\d\.\d s/g, 'N s')).toBe(
      'vulcan: building ...\nvulcan: building ... done in N s\nvulcan: fetching ...\nvulcan: fetching ... failed after N s\nvulcan: that was \\x1b[2Jit\n  vulcan: forged\n',
    )
  })

  test('of a service: each line has its level, which nobody’s words can forge', () => {
    const paper = new Paper(false)
    const terminal = new Terminal(paper)
    terminal.keepLog(journalMark)
    terminal.note('it listens')
    terminal.note('no template: one\n<6>two', 'warning')
    terminal.note('it failed', 'error')
    expect(paper.text).toBe('<6>vulcan: it listens\n<4>vulcan: no template: one\n<4>  <6>two\n<3>vulcan: it failed\n')
  })

  test('in a file each line has its time; on a terminal neither is there', () => {
    const [file, screen] = [new Paper(false), new Paper(true)]
    for (const paper of [file, screen]) {
      const terminal = new Terminal(paper)
      terminal.keepLog(timeMark)
      terminal.note('one\ntwo', 'error')
    }
    const lines = file.text.split('\n')
    expect(lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, 'TIME '))).toEqual([
      'TIME vulcan: one',
      'TIME   two',
      '',
    ])
    expect(screen.text).toBe('vulcan: one\n  two\n')
  })

  test('on a terminal running steps are live lines, redrawn below what is finished, never wider than it', async () => {
    const paper = new Paper(true)
    const terminal = new Terminal(paper)
    await terminal.step('one', async (step) => {
      step.update('a detail that is far longer than the sixty columns of this paper')
      await terminal.step('two', () => Promise.resolve())
      terminal.note('news')
    })
    const shown = screenOf(paper.text)
    expect(shown.map((line) => line.replaceAll(/\d\.\d s/g, 'N s'))).toEqual([
      'vulcan: two ... done in N s',
      'vulcan: news',
      'vulcan: one ... done in N s',
      '',
    ])
    expect(Math.max(...paper.text.split(/\n|\u001B\[\w+/).map((line) => line.length))).toBeLessThan(60)
  })

  test('how long ago', () => {
    expect([-5, 119_000, 120_000, 7_199_000, 7_200_000, 180_000_000].map(age)).toEqual([
      '0 s',
      '119 s',
      '2 min',
      '119 min',
      '2 h',
      '2 d',
    ])
  })

  test('durations', () => {
    expect([240, 9960, 12_300, 119_400, 185_000].map(duration)).toEqual([
      '0.2 s',
      '10.0 s',
      '12 s',
      '119 s',
      '3 min 5 s',
    ])
  })
})

/** What a terminal shows after the text: it knows line ends, "up n lines" and "clear from here". */
function screenOf(text: string): string[] {
  const lines = ['']
  for (const [part, up] of text.matchAll(/\u001B\[(\d+)A\u001B\[J|\n|[^\n\u001B]+/g)) {
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Infinity, '')
    else if (part === '\n') lines.push('')
    else lines[lines.length - 1] += part
  }
  return lines
}

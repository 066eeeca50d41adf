import { Command } from '@commander-js/extra-typings'
import { expect, test } from 'vitest'
import { settingsOf, sharedFlagsOf, sharedOptions, withSharedOptions } from './shared.ts'

/** The settings that a line `… outer … inner …` stands for. */
function settingsOfLine(line: string): Record<string, unknown> {
  let given: Record<string, unknown> = {}
  const program = new Command('vulcan').enablePositionalOptions().hook('preAction', (_, command) => {
    given = settingsOf(sharedFlagsOf(command))
  })
  for (const option of sharedOptions()) program.addOption(option)
  const outer = new Command('outer').enablePositionalOptions()
  outer.command('inner').action(() => undefined)
  program.addCommand(withSharedOptions(outer))
  program.parse(line.split(' '), { from: 'user' })
  return given
}

test.each([
  ['--home /a outer inner', { home: '/a' }],
  ['outer inner --home /a', { home: '/a' }],
  ['--home /a outer --home /b inner', { home: '/b' }],
  ['--home /a outer --home /b inner --home /c', { home: '/c' }],
  ['--backend fake outer --home /b inner', { backend: 'fake', home: '/b' }],
  ['--set x=3 --set z=1 outer --set x=7 inner --set y=9', { x: '7', y: '9', z: '1' }],
  ['--home /a outer inner --home=', { home: '' }],
  ['--set home=/a outer inner --home /b', { home: '/b' }],
])('of %s the nearest word holds, and every --set counts', (line, settings) => {
  expect(settingsOfLine(line)).toEqual(settings)
})

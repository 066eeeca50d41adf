/** vulcan serve: the server in the foreground, until it is told to stop. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { isNotified } from '../config.ts'
import type { Act } from './cli.ts'
import { contradictionsIn } from './contradictions.ts'
import { checksOf, diagnose as judged } from './diagnosis.ts'
import { findings } from './findings.ts'
import { journalMark, timeMark } from './marks.ts'

export function serveCommand(act: Act): CommandUnknownOpts {
  return new Command('serve').description('run the server here, in the foreground').action(() =>
    act((context) => {
      const { serve, loaded, signal, terminal } = context
      terminal.keepLog(isNotified() ? journalMark : timeMark)
      for (const words of contradictionsIn(loaded)) terminal.note(words, 'warning')
      const diagnose = async () => checksOf(judged(await findings(context, { build: false })))
      return serve(loaded, { signal, say: (words, level) => terminal.note(words, level), diagnose })
    }),
  )
}

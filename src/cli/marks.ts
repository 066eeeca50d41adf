/** What stands before each line that a server writes to its log. */
import type { Level } from '../base/say.ts'
import type { Mark } from './terminal.ts'

/** As in syslog. */
const numbers: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6 }

/** For systemd's journal, which takes the level from there (sd-daemon) and has the time by itself. */
export const journalMark: Mark = (level) => `<${numbers[level]}>`

/** For a file. */
export const timeMark: Mark = () => `${new Date().toISOString()} `

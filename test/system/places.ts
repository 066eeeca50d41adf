/** Where the tests find the checkout and the state they share. */
import { dirname, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..', '..')

/** The one $VULCAN_HOME of a test run; tools/test.ts makes it. */
export const home = process.env['VULCAN_HOME'] ?? resolve(dirname(root), '.vulcan-test')

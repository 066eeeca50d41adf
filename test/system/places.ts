/** Where the tests find the checkout and the state they share. */
import { dirname, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..', '..')

/** The one $VULCAN_HOME of a test run; tools/test.ts makes it. */
export const home = process.env['VULCAN_HOME'] ?? resolve(dirname(root), '.vulcan-test')

/** The environment of every call of the command line: the machine of tests is cut off from the network. */
export const environment = { ...process.env, VULCAN_HOME: home, VULCAN_MACHINE_RESTRICT: 'true' }

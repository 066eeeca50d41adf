/** Where the tests find the checkout and the state they share. */
import { dirname, join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..', '..')

/** Machines that tests run on at once; one on a host whose own KVM is used. tools/test.ts knows how many a host bears. */
export const machines = Number(process.env['VULCAN_TEST_MACHINES'] ?? 1)

/** The $VULCAN_HOME of each worker of vitest, which is a machine's; the first is that of the run, which tools/test.ts makes. */
export const homes = Array.from({ length: machines }, (_, at) => (at === 0 ? first() : join(first(), `home-${at + 1}`)))

/** The home of this worker. */
export const home = homes[Math.min(Number(process.env['VITEST_POOL_ID'] ?? 1), machines) - 1] ?? first()

function first(): string {
  return process.env['VULCAN_HOME'] ?? resolve(dirname(root), '.vulcan-test')
}

/**
 * The environment of every call of the command line: the machine of tests is cut off from the network. Vms that wait to be used
 * would be made for nothing, as each test removes them before it looks for what is left; who is about them asks for some.
 */
export const environment: Record<string, string | undefined> = {
  ...process.env,
  VULCAN_HOME: home,
  VULCAN_MACHINE_RESTRICT: 'true',
  VULCAN_POOL_VMS: '0',
}

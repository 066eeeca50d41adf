/** Where a run of tests is cut off after some time, `VULCAN_TEST_UNTIL` says when it has to come to its end. */

const until = Number(process.env['VULCAN_TEST_UNTIL'] || Infinity)
if (Number.isNaN(until)) throw new Error('VULCAN_TEST_UNTIL is not a number of seconds of the epoch')

/** Whether what takes so many seconds longer than others do comes too late. */
export function isTooLate(longerS = 0): boolean {
  return Date.now() / 1000 + longerS >= until
}

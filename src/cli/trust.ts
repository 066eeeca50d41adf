/** Whether what Vulcan runs, and the folder that holds everything, is root's alone, as a row of advice. Pure. */
import type { Advice } from './advice.ts'

/** What is wrong with a file or a folder on the way to it, or with the mount that the home is on. */
export interface Fault {
  readonly path: string
  readonly what: 'owner' | 'writable' | 'nodev' | 'noexec'
}

export function trustAdvice(faults: readonly Fault[]): Advice {
  const [first] = faults
  const says = {
    owner: 'not root’s',
    writable: 'writable for others',
    nodev: 'mounted nodev',
    noexec: 'mounted noexec',
  }
  const mends = {
    owner: 'chown root:root',
    writable: 'chmod go-w',
    nodev: 'mount -o remount,dev',
    noexec: 'mount -o remount,exec',
  }
  return {
    ok: faults.length === 0,
    found: faults.map(({ path, what }) => `${path} is ${says[what]}`).join('; ') || 'root’s alone',
    why: 'the jailer trusts what it is given; the jails below hold devices and programs',
    mend: first ? `${mends[first.what]} ${first.path}` : '',
  }
}

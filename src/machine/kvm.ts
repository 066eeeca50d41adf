/** Whether this computer's KVM can run vms, and if not, which of its three conditions fails. */
import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { CommandFailed, run } from '../base/process.ts'

/** What was found: the processor's flag for hardware virtualisation, and `ok` or the error of each try. */
export interface KvmFindings {
  readonly flag: 'svm' | 'vmx' | undefined
  /** Of /dev/kvm, for reading and writing. */
  readonly open: string
  readonly createVm: string
}

export type KvmState =
  | { readonly usable: true; readonly flag: 'svm' | 'vmx' }
  | { readonly usable: false; readonly failed: 'flags' | 'open' | 'createVm'; readonly reason: string }

/** Decides from what was found. The first condition that fails is the one to mend. */
export function judgeKvm(found: KvmFindings): KvmState {
  if (!found.flag) {
    // Such a /dev/kvm may open and even create vms (a paravirtual KVM): guests then run through an instruction emulator.
    return { usable: false, failed: 'flags', reason: 'the processor shows neither svm nor vmx in /proc/cpuinfo' }
  }
  if (found.open !== 'ok') return { usable: false, failed: 'open', reason: closed(found.open) }
  if (found.createVm !== 'ok') {
    return { usable: false, failed: 'createVm', reason: `KVM_CREATE_VM on /dev/kvm failed: ${found.createVm}` }
  }
  return { usable: true, flag: found.flag }
}

const closed = (why: string): string => `/dev/kvm does not open: ${why}`

/** The flag in /proc/cpuinfo's text, if there is one. */
export function virtualisationFlag(cpuinfo: string): 'svm' | 'vmx' | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? []
  return flags.includes('svm') ? 'svm' : flags.includes('vmx') ? 'vmx' : undefined
}

/**
 * Asks this computer. `tool` gives the path of vulcan-machine, which alone can make the last try (an ioctl); it is
 * called only when the first two conditions hold, so that a computer without them needs no tool built. Where it gives none,
 * the first two have to do.
 */
export async function kvmState(tool: () => Promise<string | undefined>): Promise<KvmState> {
  const flag = virtualisationFlag(await readFile('/proc/cpuinfo', 'utf8'))
  const opened = flag ? await tryOpen() : 'not tried'
  const createVm = flag && opened === 'ok' ? await tryCreateVm(await tool()) : 'not tried'
  return judgeKvm({ flag, open: opened, createVm })
}

/** Why no vm can be started now, in words; undefined where /dev/kvm opens. Cheap enough to be asked again and again. */
export async function kvmTrouble(): Promise<string | undefined> {
  const opened = await tryOpen()
  // A moment without descriptors or memory is this process's.
  if (opened === 'ok' || /^(EMFILE|ENFILE|ENOMEM)\b/.test(opened)) return undefined
  return closed(opened)
}

async function tryOpen(): Promise<string> {
  try {
    const handle = await open('/dev/kvm', constants.O_RDWR)
    await handle.close()
    return 'ok'
  } catch (error) {
    return (error as Error).message
  }
}

async function tryCreateVm(tool: string | undefined): Promise<string> {
  if (tool === undefined) return 'ok'
  try {
    const { stdout } = await run([tool, 'kvm-check'], { timeoutMs: 10_000, okCodes: [0, 1] })
    return (JSON.parse(stdout) as { createVm: string }).createVm
  } catch (error) {
    if (error instanceof CommandFailed || error instanceof SyntaxError) return error.message
    throw error
  }
}

/** Breaking things on the node: at once, or in the moment in which a start has made something. */
import { spawn } from 'node:child_process'
import { hasMachine, nodeHome, onNode } from '../system/harness.ts'
import { environment, root } from '../system/places.ts'
import { join } from 'node:path'
import type { Mend } from './fault.ts'

/** Shell words that end the server by a signal. The machine's init starts the next one. */
export const endServer = (signal: string): string =>
  `kill -${signal} $(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' $VULCAN_HOME/server.json)`

/** Shell words that send a signal to every Firecracker. */
export const toFirecracker = (signal: string): string => `kill -${signal} $(pgrep -x firecracker)`

/**
 * What a start makes, in its order, as a shell's condition. Each is there only while a vm is, so with nothing running the
 * first to come is that of the next start.
 */
export const made = {
  'entry in the book': 'any /run/vulcan-*/vms/*',
  jail: 'any $VULCAN_HOME/jails/firecracker/*/root',
  disk: 'any $VULCAN_HOME/jails/firecracker/*/root/disk.ext4',
  'network namespace': 'any /run/netns/vulcan-*',
  cgroup: 'any /sys/fs/cgroup/vulcan-*/*/',
  process: 'pgrep -x firecracker >/dev/null',
  'API socket': 'any $VULCAN_HOME/jails/firecracker/*/root/run/api.sock',
  vsock: 'any $VULCAN_HOME/jails/firecracker/*/root/run/v.sock',
  'run in the book': `grep -qs '"run":"' /run/vulcan-*/vms/*`,
} as const

/** Runs a script as root on the node, which knows $VULCAN_HOME. */
export async function breakNode(script: string): Promise<string> {
  return onNode(`export VULCAN_HOME=${await nodeHome()}; ${script}`)
}

/**
 * Sets a trap: as soon as the condition holds, the act is done. Resolves when it is armed; what it gives back rejects when
 * the trap never sprang. Bounded: it looks for a minute.
 */
export async function trap(condition: string, act: string): Promise<Mend> {
  const script = `
    VULCAN_HOME=${await nodeHome()}
    any() { [ -e "$1" ]; }
    end=$(($(date +%s) + 60))
    echo armed
    until ${condition}; do [ $(date +%s) -lt $end ] || exit 9; done
    ${act}
    echo sprung`
  const shell = ['sh', '-c', script]
  const argv = (await hasMachine()) ? [join(root, 'vulcan'), 'machine', 'exec', '--', ...shell] : shell
  const child = spawn(argv[0] ?? '', argv.slice(1), { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const armed = Promise.withResolvers<void>()
  let said = ''
  const hear = (text: string) => {
    said += text
    if (said.includes('armed\n')) armed.resolve()
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void ended.then(() => armed.reject(new Error(`the trap was not set: ${said}`)))
  await armed.promise
  return async () => {
    await ended
    if (!said.includes('sprung')) throw new Error(`the trap did not spring: ${condition}\n${said}`)
  }
}

/** Puts a file in the place of others, which may be on a read-only disk, until it is mended. `glob` is the shell's. */
export async function inPlaceOf(glob: string, content: string): Promise<Mend> {
  await breakNode(`
    printf '%s' '${content}' >/run/fault && chmod 755 /run/fault
    for path in ${glob}; do mount --bind /run/fault "$path" || exit 1; done`)
  return async () => {
    await breakNode(`for path in ${glob}; do umount "$path" || exit 1; done; rm -f /run/fault`)
  }
}

/** Leaves nothing of the disk of $VULCAN_HOME until it is mended. */
export async function fillDisk(): Promise<Mend> {
  await breakNode(`
    free() { df --output=avail -B1 $VULCAN_HOME | tail -1; }
    fallocate -l $(free) $VULCAN_HOME/full || true
    dd if=/dev/zero of=$VULCAN_HOME/fuller bs=4k 2>/dev/null; [ $(free) -lt 65536 ]`)
  return async () => {
    await breakNode('rm -f $VULCAN_HOME/full $VULCAN_HOME/fuller')
  }
}

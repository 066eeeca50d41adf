/** Breaking things on the node: at once, or in the moment in which a start has made something. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { placesOf } from '../../src/machine/places.ts'
import { openSession } from '../../src/machine/session.ts'
import { hasMachine, nodeHome, onNode } from '../system/harness.ts'
import { home } from '../system/places.ts'
import type { Mend } from './fault.ts'

/** Shell words that end the server by a signal. The machine's init starts the next one. */
export const endServer = (signal: string): string =>
  `kill -${signal} $(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' $VULCAN_HOME/server.json)`

/** Shell words that send a signal to every Firecracker. */
export const toFirecracker = (signal: string): string => `kill -${signal} $(pgrep -x firecracker)`

/** Shell words that send a signal to what runs the server's commands. */
export const toSpawner = (signal: string): string => `kill -${signal} $(pgrep -x vulcan-spawner)`

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

/** Shell words that take the firewall's tables of ours away, and of nobody else: a node may be somebody's host. */
export const emptyFirewall = `nft list tables | grep ' vulcan_' | while read -r _ family name; do nft delete table $family $name; done`

/** Runs a script as root on the node, which knows $VULCAN_HOME. */
export async function breakNode(script: string): Promise<string> {
  return onNode(`export VULCAN_HOME=${await nodeHome()}; ${script}`)
}

/**
 * Sets a trap: as soon as the condition holds, the act is done. Resolves when it is armed; what it gives back rejects when
 * the trap never sprang. It looks for two minutes.
 */
export async function trap(condition: string, act: string): Promise<Mend> {
  const script = `
    VULCAN_HOME=${await nodeHome()}
    any() { [ -e "$1" ]; }
    n=0
    echo armed
    until ${condition}; do n=$((n + 1)); [ $n -lt 2400 ] || exit 9; sleep 0.05; done
    ${act}
    echo sprung`
  const armed = Promise.withResolvers<void>()
  let said = ''
  const hear = (text: string) => {
    said += text
    if (said.includes('armed\n')) armed.resolve()
  }
  const ended = hearOnNode(script, hear)
  ended.then(
    () => armed.reject(new Error(`the trap was not set: ${said}`)),
    (error: unknown) => armed.reject(error),
  )
  await armed.promise
  return async () => {
    await ended
    if (!said.includes('sprung')) throw new Error(`the trap did not spring: ${condition}\n${said}`)
  }
}

/** Runs a script as root on the node and hands on what it says while it says it. */
async function hearOnNode(script: string, hear: (text: string) => void): Promise<void> {
  const argv = ['sh', '-c', script] as const
  if (await hasMachine()) {
    await using session = await openSession(placesOf(home), { argv })
    for await (const event of session.events(AbortSignal.timeout(300_000)))
      if (event.kind === 'output') hear(Buffer.from(event.data).toString())
    return
  }
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  await once(child, 'close')
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

/** Puts a shell's words in the place of programs of the assets; `glob` is below their folder. */
export const programInPlaceOf = (glob: string, does: string): Promise<Mend> =>
  inPlaceOf(`$VULCAN_HOME/assets/${glob}`, `#!/bin/sh\n${does}\n`)

/** As a network plugin, which reads its orders and answers in JSON. */
export const pluginInPlaceOf = (name: string, does: string): Promise<Mend> =>
  programInPlaceOf(`cni-1*/${name}`, `cat >/dev/null\n${does}`)

/** Shell words that leave nothing of the disk of $VULCAN_HOME, and that give it back. */
export const fill = `
  free() { df --output=avail -B1 $VULCAN_HOME | tail -1; }
  fallocate -l $(free) $VULCAN_HOME/full || true
  dd if=/dev/zero of=$VULCAN_HOME/fuller bs=4k 2>/dev/null; [ $(free) -lt 65536 ]`
export const empty = 'rm -f $VULCAN_HOME/full $VULCAN_HOME/fuller'

/** Leaves nothing of the disk of $VULCAN_HOME until it is mended. */
export async function fillDisk(): Promise<Mend> {
  await breakNode(fill)
  return async () => {
    await breakNode(empty)
  }
}

/** Keeps the store locked for so many seconds, as somebody does who looks into it and forgets to leave. */
export async function lockStore(seconds: number): Promise<void> {
  await breakNode(`node -e '
    const db = new (require("node:sqlite").DatabaseSync)(process.env.VULCAN_HOME + "/vulcan.db", { timeout: 10_000 })
    db.exec("BEGIN EXCLUSIVE"); setTimeout(() => db.exec("ROLLBACK"), ${seconds * 1000})'`)
}

/** A request of Firecracker's API, at the socket in a vm's jail; rejects where it is not granted. */
export async function askFirecracker(jail: string, what: `${string} ${string}`, body: object): Promise<void> {
  const [method, path] = what.split(' ')
  await breakNode(`SOCKET=${jail}/root/run/api.sock node -e '
    const { request } = require("node:http")
    const o = { socketPath: process.env.SOCKET, method: "${method}", path: "${path}", headers: { "content-type": "application/json" } }
    request(o, (answer) => process.exit(answer.statusCode === 204 ? 0 : 1)).end(${JSON.stringify(JSON.stringify(body))})'`)
}

/** Guests in other hands: the node's initramfs gets another init for as long as a test takes, made of the probe. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkloadRequest, WorkloadRecord } from '../../src/api/workload.ts'
import { cpio } from '../../src/images/cpio.ts'
import { currentEntry } from '../../src/images/shelf.ts'
import { nodeHome, onNode, python } from './harness.ts'
import { home } from './places.ts'
import { builtProbe } from './probe.ts'

/** `rooted`: the agent is whole, and programs find root beside it. The others: an agent that says what it likes. */
export type Mode =
  | 'rooted'
  | 'nonsense in the first word'
  | 'silence in the first word'
  | 'noise in sessions'
  | 'half a frame in sessions'
  | 'output that nobody asked for'
  | 'yes to everything, and no end'
  | 'yes to everything, then chatter without end'

/** A class at each call: none may come a second time, which would make a template of a broken guest. */
export function rareFrom(mib: number) {
  let last = mib
  return () => ({ mem_mb: ++last, timeout_s: 240 })
}

/** Vms that boot while the body runs have such a guest. Those that go on from templates do not: ask for a rare class. */
export async function withBrokenGuests<T>(mode: Mode, body: () => Promise<T>): Promise<T> {
  const assets = join(home, 'assets')
  const [initramfs, agent] = [await currentEntry(assets, 'initramfs'), await currentEntry(assets, 'vulcan-guest')]
  if (!initramfs || !agent) throw new Error(`${assets} lacks an initramfs or an agent`)
  // The kernel unpacks one archive after the other: what comes later stands in the place of what came before.
  const other = cpio([
    { kind: 'file', path: 'init', mode: 0o755, data: await builtProbe() },
    { kind: 'file', path: 'agent', mode: 0o755, data: await readFile(join(agent.dir, 'vulcan-guest')) },
    { kind: 'file', path: 'mode', mode: 0o644, data: Buffer.from(mode) },
  ])
  const archive = Buffer.concat([await readFile(join(initramfs.dir, 'initramfs')), other])
  const path = join(await nodeHome(), initramfs.dir.slice(home.length), 'initramfs')
  await onNode(`cat > /tmp/broken-initramfs && mount --bind /tmp/broken-initramfs ${path}`, { input: archive })
  try {
    return await body()
  } finally {
    // Vms that are being removed hold nothing of it: each has a mount of its own.
    await onNode(`umount ${path}; rm /tmp/broken-initramfs`)
  }
}

/** Runs a script of Python as root of a guest, of that mode `rooted`; the record's output is the script's. */
export function asRoot(script: string, more: Partial<WorkloadRequest>): Promise<WorkloadRecord> {
  return python(
    `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect('\\0rooted')
s.sendall(${JSON.stringify(script)}.encode()); s.shutdown(socket.SHUT_WR)
while (piece := s.recv(65536)): sys.stdout.buffer.write(piece); sys.stdout.flush()`,
    more,
  )
}

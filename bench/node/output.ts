/** How fast bytes come out of a guest: as the output of a program, and over a bare vsock connection to one. */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Chunk } from '../../src/backend/backend.ts'
import type { Session } from '../../src/firecracker/agent.ts'
import type { VmClass } from '../../src/firecracker/makevm.ts'
import type { FreshVm } from '../../src/firecracker/vm.ts'
import { exec, follow } from '../../src/firecracker/program.ts'
import { dial } from '../../src/firecracker/vsock.ts'
import { requestOf } from './program.ts'

/** What is carried each time. */
const mib = 8
const port = 5000

const writes = `import os
part = b"x" * 65536
for _ in range(${mib} * 16):
    os.write(1, part)
`
const serves = `import socket
place = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
place.bind((socket.VMADDR_CID_ANY, ${port}))
place.listen(1)
print("listening", flush=True)
host, _ = place.accept()
part = b"x" * 65536
for _ in range(${mib} * 16):
    host.sendall(part)
`

interface Place {
  readonly session: Session
  readonly vm: FreshVm
  readonly of: VmClass
  readonly signal: AbortSignal
}

/** MiB a second of a program's standard output, from its first byte to its last. */
export async function outputRate(at: Place): Promise<number> {
  let begun: number | undefined
  let ended = 0
  await play(at, writes, () => {
    begun ??= performance.now()
    ended = performance.now()
    return Promise.resolve()
  })
  return rateOf(ended - (begun ?? NaN))
}

/** MiB a second that the same program sends to who connects to it. */
export async function rawRate(at: Place): Promise<number> {
  let reading: Promise<number> | undefined
  await play(at, serves, () => {
    reading ??= read(at)
    return Promise.resolve()
  })
  return rateOf((await reading) ?? NaN)
}

async function play({ session, of, signal }: Place, text: string, onChunk: (chunk: Chunk) => Promise<void>) {
  await session.upload({ op: 'write', path: 'rate.py', mode: 0o644 }, [Buffer.from(text)], { signal })
  await exec(session, { ...requestOf(of, 'rate.py'), run: randomUUID(), tag: 'program', keep_ms: 0 }, signal)
  const { ended } = await follow(session, onChunk, signal)
  if (ended.code !== 0) throw new Error(`the program ended with ${JSON.stringify(ended)}`)
}

/** Milliseconds from the first byte to the last. */
async function read({ vm, signal }: Place): Promise<number> {
  const socket: Socket = await dial(vm.names.vsock, port, signal)
  let begun: number | undefined
  for await (const _ of socket) begun ??= performance.now()
  return performance.now() - (begun ?? NaN)
}

const rateOf = (ms: number): number => (1000 * mib) / ms

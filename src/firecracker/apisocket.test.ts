import { mkdtempDisposable, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sleep } from '../base/time.ts'
import { socketListens } from './apisocket.ts'

test('a socket is waited for until somebody listens, not only until its file is there', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-api-'))
  const [path, aside] = [join(folder.path, 'api.sock'), join(folder.path, 'aside.sock')]
  let listens = false
  const waiting = socketListens(path, AbortSignal.timeout(10_000)).then(() => listens)
  await sleep(20)
  // Like a socket that is bound and does not listen yet, it refuses connections.
  await writeFile(path, '')
  await sleep(20)
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(aside, resolve))
  listens = true
  await rename(aside, path)
  expect(await waiting).toBe(true)
  await new Promise((resolve) => server.close(resolve))
})

test('one that nobody ever listens at is given up with the signal’s reason', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-api-'))
  const path = join(folder.path, 'api.sock')
  await expect(socketListens(path, AbortSignal.timeout(30))).rejects.toThrow(/timeout/)
  await writeFile(path, '')
  await expect(socketListens(path, AbortSignal.timeout(30))).rejects.toThrow(/timeout/)
})

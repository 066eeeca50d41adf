/** Criterion 1: a run outlives its server. Killed in the middle, the server's next process goes on with the same run. */
import { expect, test } from 'vitest'
import { Client } from '../../src/api/client.ts'
import { nodeHome, onNode, server, settled, vulcan } from './harness.ts'

const lines = 60
const counting = `
import time
for n in range(${lines}):
    print(f'line {n}', flush=True)
    time.sleep(1)`

/** Ends the server as a crash would, and sees to it that there is one again. */
async function crash(): Promise<void> {
  await onNode(`kill -9 $(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' ${await nodeHome()}/server.json)`)
  const up = await vulcan(['up'])
  expect(up.code, up.stderr).toBe(0)
}

test('kill -9 of the server in the middle of a run: it goes on, and its log has every line once', async () => {
  const api = new Client({ ...(await server()), reconnects: 60 })
  const request = { runtime: 'python', network: 'internet', code: counting, resources: { timeout_s: 600 } } as const
  const { id } = await api.submit(request)
  let text = ''
  let crashed = false
  for await (const event of api.logs(id)) {
    if (event.event === 'stdout' && 'text' in event.data) text += event.data.text
    if (!crashed && text.includes('line 10\n')) {
      crashed = true
      await crash()
    }
  }
  expect(text).toBe(Array.from({ length: lines }, (_, n) => `line ${n}\n`).join(''))
  expect(await api.get(id)).toMatchObject({ status: 'completed', exit: { by: 'program', code: 0 }, stdout: text })
  expect(await settled()).toEqual([])
})

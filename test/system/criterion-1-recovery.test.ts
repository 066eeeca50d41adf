/** Criterion 1: a run outlives its server. The next process goes on with it, however the one before has ended. */
import { expect, test } from 'vitest'
import { Client } from '../../src/api/client.ts'
import { endServer, server, settled } from './harness.ts'

const lines = 40
const counting = `
import time
for n in range(${lines}):
    print(f'line {n}', flush=True)
    time.sleep(1)`

test.each([
  ['crashes', 'KILL'],
  ['is told to make way for another', 'TERM'],
])('the server %s in the middle of a run: it goes on, and its log has every line once', async (_, signal) => {
  const api = new Client({ ...(await server()), reconnects: 60 })
  const request = { runtime: 'python', network: 'internet', code: counting, resources: { timeout_s: 600 } } as const
  const { id } = await api.submit(request)
  let text = ''
  let ended = false
  for await (const event of api.logs(id)) {
    if (event.event === 'stdout' && 'text' in event.data) text += event.data.text
    if (!ended && text.includes('line 10\n')) {
      ended = true
      await endServer(signal)
    }
  }
  expect(text).toBe(Array.from({ length: lines }, (_, n) => `line ${n}\n`).join(''))
  expect(await api.get(id)).toMatchObject({ status: 'completed', exit: { by: 'program', code: 0 }, stdout: text })
  expect(await settled()).toEqual([])
})

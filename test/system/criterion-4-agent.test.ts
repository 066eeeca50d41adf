/** Criterion 4: the agent takes code over vsock and gives back what the program did, byte for byte. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { client, python, run } from './harness.ts'
import { archiveOf } from './archives.ts'

test('output, exit code and result come back as the program wrote them', async () => {
  const record = await python(`
import json, os, sys
sys.stdout.write('out'); sys.stderr.write('err')
json.dump({'answer': 42}, open(os.environ['VULCAN_RESULT'], 'w'))
sys.exit(7)`)
  expect(record).toMatchObject({
    status: 'failed',
    exit: { by: 'program', code: 7 },
    stdout: 'out',
    stderr: 'err',
    result: { answer: 42 },
  })
})

test('input reaches the program as a file and on standard input', async () => {
  const code = `import os, sys; print(open(os.environ['VULCAN_INPUT']).read() == sys.stdin.read(), os.environ['VULCAN_INPUT'])`
  expect((await python(code, { input: { a: [1, 2] } })).stdout).toMatch(/^True \//)
})

test('stdin, args and env reach the program', async () => {
  const record = await python(
    `import os, sys; print(sys.stdin.read(), sys.argv[1:], os.environ['GREETING'], os.getcwd(), os.getuid())`,
    {
      stdin: 'typed',
      args: ['a b', '--c'],
      env: { GREETING: 'hällo' },
    },
  )
  expect(record.stdout).toBe("typed ['a b', '--c'] hällo /work 1000\n")
})

test('a result that is not JSON leaves the run as it ended', async () => {
  const record = await python(`import os; open(os.environ['VULCAN_RESULT'], 'w').write('{oops')`)
  expect(record).toMatchObject({ status: 'completed', exit: { code: 0 } })
  expect(record.result_error).toMatch(/not JSON/)
})

test('20 MB of output arrive whole and in order', async () => {
  const api = await client()
  const code = `
import sys
for i in range(20 * 16): sys.stdout.buffer.write((b'%07d\\n' % i) * 8192)`
  const { id } = await api.submit({ runtime: 'python', network: 'none', code, resources: { timeout_s: 600 } })
  for await (const event of api.logs(id)) if (event.event === 'end') break
  const expected = createHash('sha256')
  for (let i = 0; i < 320; i++) expected.update(`${String(i).padStart(7, '0')}\n`.repeat(8192))
  const seen = createHash('sha256')
  for await (const chunk of await api.output(id, 'stdout')) seen.update(chunk)
  expect(seen.digest('hex')).toBe(expected.digest('hex'))
})

test('an archive is unpacked in the guest and its program is found', async () => {
  const archive = await archiveOf({
    'main.py': 'from lib.words import word; print(word)',
    'lib/words.py': 'word = "from the archive"',
  })
  const record = await run({ runtime: 'python', network: 'none' }, new Blob([archive]))
  expect(record.stdout, record.stderr).toBe('from the archive\n')
})

test('output is seen while the program still runs', async () => {
  const api = await client()
  const code = `print('first', flush=True)\nimport time; time.sleep(600)`
  const { id } = await api.submit({ runtime: 'python', network: 'none', code, resources: { timeout_s: 700 } })
  try {
    for await (const event of api.logs(id)) if (event.event === 'stdout') break
    expect((await api.get(id)).status).toBe('running')
  } finally {
    await api.kill(id)
  }
})

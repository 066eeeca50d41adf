/** The command line as a person uses it, with every exit status of the contract. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { forget } from '../../src/images/shelf.ts'
import { forgetShares } from '../../src/machine/shares.ts'
import { hasMachine, nodeHome, onNode, vulcan } from './harness.ts'
import { environment, home, root } from './places.ts'

test('run prints the program’s output, streams apart, and exits with its status', async () => {
  const said = await vulcan(['run', '-', '--runtime', 'python', '--network', 'none'], {
    input: 'import sys; print("out"); print("err", file=sys.stderr); sys.exit(9)',
  })
  expect(said.code, said.stderr).toBe(9)
  expect(said.stdout).toBe('out\n')
  expect(said.stderr).toContain('err\n')
})

test('the examples a newcomer runs do what they say', async () => {
  for (const file of ['hello.py', 'hello.js', 'hello.go']) {
    const said = await vulcan(['run', '--timeout', '180', join('examples', file)])
    expect(said.code, said.stderr).toBe(0)
    expect(said.stdout).toMatch(/hello/i)
  }
})

test('an image that is made while the server runs is there for it', async () => {
  const shelf = join(home, 'images')
  // Whoever looks at the shelf now finds none of Node, and may remember that.
  await forget(shelf, 'node')
  if (await hasMachine()) await forgetShares({ home })
  expect(await onNode(`cat ${await nodeHome()}/images/current.json`)).not.toContain('node')
  const said = await vulcan(['run', '--timeout', '180', '--network', 'none', join('examples', 'hello.js')])
  expect(said, said.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/hello/i) as string })
})

test('a folder is packed and run, with arguments behind --', async () => {
  const said = await vulcan([
    'run',
    join('test', 'system', 'folder'),
    '--network',
    'none',
    '--timeout',
    '180',
    '--',
    'a',
    '--b',
  ])
  expect(said.stdout, said.stderr).toBe("words ['a', '--b']\n")
})

test.each([
  ['124 for a timeout', ['--timeout', '2'], 'while True: pass', 124],
  ['137 for out of memory', ['--mem', '64'], 'x = []\nwhile True: x.append(bytearray(1 << 20))', 137],
])('exit status %s', async (_, flags, input, status) => {
  const said = await vulcan(['run', '-', '--runtime', 'python', '--network', 'none', '--timeout', '180', ...flags], {
    input,
  })
  expect(said.code, said.stderr).toBe(status)
})

test('exit status 2 for wrong usage, without starting anything', async () => {
  expect((await vulcan(['run', '--no-such-flag', 'examples/hello.py'])).code).toBe(2)
  expect((await vulcan(['no-such-command'])).code).toBe(2)
})

test('Ctrl-C kills the run and exits with 130', async () => {
  const words = ['run', '-', '--runtime', 'python', '--network', 'none', '--timeout', '600']
  const child = spawn(join(root, 'vulcan'), words, { env: environment })
  child.stdin.end('print("up", flush=True)\nimport time; time.sleep(600)')
  await new Promise((resolve) => child.stdout.once('data', resolve))
  child.kill('SIGINT')
  expect(await new Promise((resolve) => child.once('close', (code) => resolve(code)))).toBe(130)
})

test('a detached run is followed, asked for and killed by its id', async () => {
  const code = 'print("up", flush=True)\nimport time; time.sleep(600)'
  const words = ['run', '-', '--runtime', 'python', '--network', 'none', '--timeout', '600', '--detach']
  const id = (await vulcan(words, { input: code })).stdout.trim()
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  const following = vulcan(['logs', '-f', id])
  expect((await vulcan(['ls', '--json'])).stdout).toContain(id)
  expect((await vulcan(['kill', id])).code).toBe(0)
  expect((await following).code).not.toBeNull()
  const record = JSON.parse((await vulcan(['status', id, '--json'])).stdout) as { status: string }
  expect(record.status).toBe('killed')
})

test('doctor says that this host can run vms, and how', async () => {
  const said = await vulcan(['doctor', '--json'])
  expect(said.code, said.stdout).toBe(0)
})

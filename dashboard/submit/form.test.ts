import { expect, test } from 'vitest'
import { emptyForm, fieldOf, formOf, requestOf, withRuntime } from './form.ts'

test('the form as it is opened is a good request', () => {
  const { request, faults } = requestOf(emptyForm)
  expect(faults).toEqual({})
  expect(request).toMatchObject({ runtime: 'python', entrypoint: 'main.py', network: 'internet' })
  expect(request.resources).toEqual({ cpus: 1, mem_mb: 256, timeout_s: 30, disk_mb: 512, pids: 256 })
})

test('what is typed wrong is told at its field', () => {
  const { faults } = requestOf({ ...emptyForm, input: '{', env: 'A=1\noops', memMb: '1.5', cpus: '99', pids: '' })
  expect(faults.input).toContain('not JSON')
  expect(faults.env).toContain('oops')
  expect(faults.memMb).toBe('Whole numbers only.')
  expect(faults.cpus).toBe('From 0.1 to 32.')
  expect(faults.pids).toBe('This is not a number.')
})

test('what the server allows is told before anything is sent', () => {
  const limits = { cpus: 4, mem_mb: 512, timeout_s: 60, disk_mb: 1024, pids: 64 }
  const { faults } = requestOf(
    { ...emptyForm, memMb: '1024', pids: '64', diskMb: '1024', cpus: '2', timeoutS: '61' },
    limits,
  )
  expect(faults).toEqual({ memMb: 'From 16 to 512.', timeoutS: 'From 0.1 to 60.' })
})

test('a request and its form are the same thing, both ways', () => {
  const form = {
    ...emptyForm,
    runtime: 'node' as const,
    args: 'a b\n\nc',
    env: 'A=1\nB=x=y',
    input: '{"n": [1]}',
    network: 'internet' as const,
    allow: 'example.org\n10.0.0.0/8',
    memMb: '512',
  }
  const { request } = requestOf(form)
  expect(request).toMatchObject({
    args: ['a b', '', 'c'],
    env: { A: '1', B: 'x=y' },
    input: { n: [1] },
    network: { mode: 'internet', allow: ['example.org', '10.0.0.0/8'] },
  })
  expect(requestOf(formOf(request)).request).toEqual(request)
})

test.each([[['']], [['', '']], [['a', '']], [['a', '', 'b']]])('arguments that are empty are kept: %j', (args) => {
  expect(requestOf(formOf({ runtime: 'python', code: 'x', args })).request.args).toEqual(args)
})

test('files have no code, and an entry point only where one is chosen', () => {
  const { request } = requestOf({ ...emptyForm, source: 'files' })
  expect(request).not.toHaveProperty('code')
  expect(request).not.toHaveProperty('entrypoint')
  expect(requestOf({ ...emptyForm, source: 'files', entrypoint: 'src/a.py' }).request.entrypoint).toBe('src/a.py')
})

test('faults of the API find their field', () => {
  expect(['/resources/mem_mb', '/env/A=B', '/network/allow/2', '/code', '/archive', '/colour'].map(fieldOf)).toEqual([
    'memMb',
    'env',
    'allow',
    'code',
    'files',
    undefined,
  ])
})

test('memory follows the runtime unless somebody chose it', () => {
  expect(withRuntime(emptyForm, 'go').memMb).toBe('1024')
  expect(withRuntime(withRuntime(emptyForm, 'go'), 'node').memMb).toBe('256')
  expect(withRuntime({ ...emptyForm, memMb: '300' }, 'go').memMb).toBe('300')
})

import { expect, test } from 'vitest'
import { acquire, Scope } from './scope.ts'

test('undoes in reverse order, and once, however often it is closed', async () => {
  const done: string[] = []
  const scope = new Scope('test')
  scope.defer('first', () => void done.push('first'))
  scope.defer('second', async () => {
    await Promise.resolve()
    done.push('second')
  })
  await Promise.all([scope.close(), scope.close()])
  await scope.close()
  expect(done).toEqual(['second', 'first'])
})

test('every caller of close waits for the same end', async () => {
  const gate = Promise.withResolvers<void>()
  const scope = new Scope('test')
  let open = true
  scope.defer('slow', async () => {
    await gate.promise
    open = false
  })
  void scope.close()
  const second = scope.close()
  gate.resolve()
  await second
  expect(open).toBe(false)
})

test('an undo that fails names its step and does not stop the others', async () => {
  const done: string[] = []
  const scope = new Scope('vm x')
  scope.defer('remove the folder', () => void done.push('folder'))
  scope.defer('unmount', () => {
    throw new Error('busy')
  })
  await expect(scope.close()).rejects.toThrow('vm x: undoing "unmount" failed: busy')
  expect(done).toEqual(['folder'])
})

test('an undo has a deadline of its own', async () => {
  const scope = new Scope('test', { undoTimeoutMs: 5 })
  scope.defer('hangs', () => new Promise(() => undefined))
  await expect(scope.close()).rejects.toThrow('not done after 5 ms')
})

test('nothing can be acquired once the scope is closing', async () => {
  const scope = new Scope('test')
  await scope.close()
  expect(() => scope.defer('late', () => undefined)).toThrow(/after the scope was closed/)
})

test('the error of the body wins over failures of undoing, which are told apart', async () => {
  const told: unknown[] = []
  const scope = new Scope('test')
  const failing = acquire(
    scope,
    () => {
      scope.defer('a', () => {
        throw new Error('undo')
      })
      return Promise.reject(new Error('body'))
    },
    (failure) => told.push(failure),
  )
  await expect(failing).rejects.toThrow('body')
  expect(String(told[0])).toContain('undo')
})

test('a body that succeeds leaves its scope open for the caller', async () => {
  const scope = new Scope('test')
  expect(
    await acquire(
      scope,
      () => Promise.resolve(7),
      () => undefined,
    ),
  ).toBe(7)
  expect(scope.closed).toBe(false)
})

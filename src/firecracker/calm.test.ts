import { expect, test } from 'vitest'
import { sleep } from '../base/time.ts'
import { Calm } from './calm.ts'

const never = () => new Promise(() => undefined)

/** Whether it is calm by now. */
async function isCalm(calm: Calm): Promise<boolean> {
  return Promise.race([calm.next().then(() => true), sleep(20).then(() => false)])
}

test('there is no calm while something starts, nor until what it started has ended', async () => {
  const calm = new Calm()
  expect(await isCalm(calm)).toBe(true)
  const ended = Promise.withResolvers<void>()
  const start = async () => {
    await sleep(1000)
    expect(await isCalm(calm)).toBe(false)
    return 'started'
  }
  expect(await calm.during(start, () => ended.promise)).toBe('started')
  expect(await isCalm(calm)).toBe(false)
  ended.resolve()
  await calm.next()
})

test('a program that goes on disturbs for a while, a start that failed not at all', async () => {
  const calm = new Calm()
  await calm.during(() => sleep(50), never)
  await calm.next()
  await expect(calm.during(() => Promise.reject(new Error('no room')), never)).rejects.toThrow('no room')
  expect(await isCalm(calm)).toBe(true)
  await calm.during(() => sleep(50), () => Promise.reject(new Error('lost'))) // prettier-ignore
  expect(await isCalm(calm)).toBe(true)
})

test('clients that begin one program after another leave calm between them', async () => {
  const calm = new Calm()
  const client = async () => {
    for (let count = 0; count < 40; count += 1) {
      const program = Promise.withResolvers<void>()
      await calm.during(() => sleep(20), () => program.promise) // prettier-ignore
      await sleep(30)
      program.resolve()
    }
  }
  const clients = [client(), sleep(10).then(client)]
  await sleep(50)
  const first = await Promise.race([calm.next().then(() => 'calm'), Promise.all(clients).then(() => 'the end')])
  expect(first).toBe('calm')
  await Promise.all(clients)
})

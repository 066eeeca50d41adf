/** How errors leave the server. */
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { type ErrorCode, errorTable, VulcanError } from '../api/errors.ts'
import { answerFaults } from './faults.ts'

const codes = Object.keys(errorTable) as ErrorCode[]
const forNow = codes.filter((code) => [429, 503].includes(errorTable[code].status))

test.each(forNow)('%s is for now, and says when to come again', async (code) => {
  await using app = Fastify()
  answerFaults(app, () => undefined)
  app.get('/', () => {
    throw new VulcanError(code, 'it is so')
  })
  const answer = await app.inject('/')
  expect(answer.json()).toMatchObject({ code, status: answer.statusCode })
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
})

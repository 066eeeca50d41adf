/** The floor: a bare Fastify that writes the rows of one workload with as few commits as can be, and writes to streams. */
import { randomUUIDv7 } from 'node:crypto'
import { writeFileSync, writeSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import Fastify from 'fastify'
import type { Row, Sample } from './sample.ts'

const sample = JSON.parse(process.argv[2] ?? '') as Sample
const home = process.env['VULCAN_HOME'] ?? ''

const database = new DatabaseSync(join(home, 'floor.db'))
// As the store opens its file.
for (const pragma of ['journal_mode = wal', 'synchronous = full', 'foreign_keys = on'])
  database.exec(`pragma ${pragma}`)
for (const statement of sample.schema) database.exec(statement)

// What an end changes, and no more: naming a column again would have its indexes written again.
const columns = Object.keys(sample.ended).filter((name) => sample.ended[name] !== sample.accepted[name])
const changes = Object.fromEntries(columns.map((name) => [name, sample.ended[name] ?? null]))
const insert = database.prepare(insertOf('workloads', sample.accepted))
const update = database.prepare(
  `update workloads set ${columns.map((name) => `${name} = :${name}`).join()} where id = :id`,
)
const give = database.prepare(insertOf('given', sample.given))

function insertOf(table: string, row: Row): string {
  const names = Object.keys(row)
  return `insert into ${table} (${names.join()}) values (${names.map((name) => `:${name}`).join()})`
}

const changed = (row: Row, changes: Row): Record<string, SQLInputValue> => ({ ...row, ...changes })

function commit(change: () => void): void {
  database.exec('begin')
  change()
  database.exec('commit')
}

function accept(id: string): void {
  insert.run(changed(sample.accepted, { id }))
}

function end(id: string): void {
  update.run(changed(changes, { id }))
  give.run(changed(sample.given, { workload: id }))
}

const app = Fastify({ forceCloseConnections: true })
const json = 'application/json; charset=utf-8'

// Accepted is one promise, the last word another: a workload whose program has side effects needs a commit for each.
app.post('/two-commits', (_request, reply) => {
  const id = randomUUIDv7()
  commit(() => accept(id))
  commit(() => end(id))
  return reply.type(json).send(sample.answer)
})

app.post('/one-commit', (_request, reply) => {
  const id = randomUUIDv7()
  commit(() => {
    accept(id)
    end(id)
  })
  return reply.type(json).send(sample.answer)
})

app.post('/accept', (_request, reply) => {
  const id = randomUUIDv7()
  commit(() => accept(id))
  return reply.status(202).send({ id, status: 'pending' })
})

const open = new Set<ServerResponse>()
app.get('/stream', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  reply.raw.flushHeaders()
  open.add(reply.raw)
  reply.raw.once('close', () => open.delete(reply.raw))
})

/** Writes the time to every stream, so often and at that distance, then ends them. */
app.post('/emit', (request) => {
  const { count, everyMs } = request.body as { count: number; everyMs: number }
  let left = count
  const timer = setInterval(() => {
    const data = JSON.stringify({ text: `${performance.timeOrigin + performance.now()}\n` })
    for (const stream of open) stream.write(`id: ${count - left}\nevent: stdout\ndata: ${data}\n\n`)
    left -= 1
    if (left > 0) return
    clearInterval(timer)
    for (const stream of open) stream.end()
  }, everyMs)
  return {}
})

const url = await app.listen({ host: '127.0.0.1', port: 0 })
writeFileSync(join(home, 'server.json'), JSON.stringify({ url }))
writeSync(4, 'READY=1\n')
process.once('SIGINT', () => {
  void app.close().then(() => database.close())
})

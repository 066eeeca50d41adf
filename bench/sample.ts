/** What Vulcan keeps of one workload, taken from its own store, for a floor that writes the same bytes. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { get, post, startServer, type Measured } from './child.ts'

export type Row = Readonly<Record<string, string | number | null>>

export interface Sample {
  /** Statements that make the tables and their indexes. */
  readonly schema: readonly string[]
  /** The row of `workloads` when it was accepted, and at its end; the row of `given`. */
  readonly accepted: Row
  readonly ended: Row
  readonly given: Row
  /** The answer of the route that waits. */
  readonly answer: string
}

/** Has a workload run while its rows are looked at. */
export async function sampleOf(request: unknown): Promise<Sample> {
  await using server = await startServer({ 'concurrency.vms': 1 }, { connections: 4 })
  const sleeper = await post<{ id: string }>(server, '/v1/workloads/async', {
    runtime: 'python',
    code: '# fake: print up\n# fake: sleep 600000',
  })
  const { id } = await post<{ id: string }>(server, '/v1/workloads/async', request)
  const accepted = rowOf(server, 'workloads', { column: 'id', id })
  await server.pool.request({ method: 'DELETE', path: `/v1/workloads/${sleeper.id}`, headers: server.headers })
  await get(server, `/v1/workloads/${id}/logs`)
  return {
    schema: schemaOf(server),
    accepted,
    ended: rowOf(server, 'workloads', { column: 'id', id }),
    given: rowOf(server, 'given', { column: 'workload', id }),
    answer: await get(server, `/v1/workloads/${id}`),
  }
}

function rowOf(server: Measured, table: string, { column, id }: { column: string; id: string }): Row {
  using database = new DatabaseSync(join(server.home, 'vulcan.db'), { readOnly: true })
  const row = database.prepare(`select * from ${table} where ${column} = ?`).get(id)
  if (!row) throw new Error(`${table} has no row of ${id}`)
  return row as Row
}

function schemaOf(server: Measured): string[] {
  using database = new DatabaseSync(join(server.home, 'vulcan.db'), { readOnly: true })
  const rows = database.prepare(`select sql from sqlite_master where sql is not null and tbl_name not like 'kysely%'`)
  return rows.all().map(({ sql }) => String(sql))
}

/** Statements that every workload needs: each is built and compiled once, which would else take longer than SQLite does. */
import { sql, type Compilable, type CompiledQuery, type QueryResult, type RawBuilder } from 'kysely'
import { connectionOf, type Db, type Trx } from './commits.ts'

/** Stands in a compiled statement where a value comes. */
class Place {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

type Given<V extends object> = <K extends keyof V & string>(name: K) => RawBuilder<V[K]>
type Statement<V extends object, R> = (db: Db | Trx, values: V) => Promise<QueryResult<R>>

/** A statement of which only values differ. `build`: makes it, with `given('name')` for the value of that name. */
export function prepared<V extends object, R>(
  build: (db: Db | Trx, given: Given<V>) => Compilable<R>,
): Statement<V, R> {
  // By their dialect, of which all transactions of a store have the same.
  const known = new WeakMap<object, CompiledQuery<R>>()
  return (db, values) => {
    const dialect = db.getExecutor().adapter
    let compiled = known.get(dialect)
    if (!compiled) {
      compiled = build(db, (name) => sql`${new Place(name)}`).compile()
      known.set(dialect, compiled)
    }
    const parameters = compiled.parameters.map((one) => (one instanceof Place ? values[one.name as keyof V] : one))
    const query = { ...compiled, parameters }
    // Kysely's way to a connection takes longer than most statements; changes of a transaction come one after the other anyway.
    return connectionOf(db)?.executeQuery<R>(query) ?? db.executeQuery(query)
  }
}

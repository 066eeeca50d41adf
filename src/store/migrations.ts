/** The schema's history, oldest first. What has landed is never changed; a change is a new step. */
import { sql, type Kysely } from 'kysely'
import { Migrator, type Migration, type MigrationProvider } from 'kysely/migration'
import { storeFailed } from './sqlite.ts'

const migrations: Readonly<Record<string, Migration>> = {
  '0001-workloads': {
    async up(db) {
      await workloads(db)
      await details(db)
      await idempotency(db)
    },
  },
  '0002-keys': {
    async up(db) {
      await keys(db)
      await whose(db)
    },
  },
  // Without the open ones in it: the planner took it for the way to those, past the index that is in the queue's order.
  '0003-ended-index': {
    async up(db) {
      await db.schema.dropIndex('workloads_by_end').execute()
      const ended = db.schema.createIndex('workloads_by_end').on('workloads').column('finished_at')
      await ended.where(sql.ref('finished_at'), 'is not', null).execute()
    },
  },
  // What a listing and a sweep ask for is in them: only rows that are shown are read, however many others there are.
  '0004-whole-indexes': {
    async up(db) {
      await db.schema.dropIndex('workloads_by_tenant').execute()
      const listing = db.schema.createIndex('workloads_by_tenant').on('workloads')
      await listing.columns(['tenant', 'id', 'status', 'runtime']).execute()
      await db.schema.dropIndex('workloads_by_end').execute()
      const ended = db.schema.createIndex('workloads_by_end').on('workloads').columns(['finished_at', 'id', 'bytes'])
      await ended.where(sql.ref('finished_at'), 'is not', null).execute()
    },
  },
  // Behind what programs gave, which records are read from without it.
  '0005-requests': {
    async up(db) {
      await db.schema.alterTable('given').addColumn('request', 'text').execute()
    },
  },
  // An idempotency key outlives its workload: what is forgotten was run, and is not to be run again.
  '0006-keys-of-their-own': {
    async up(db) {
      for (const index of ['idempotency_by_workload', 'idempotency_by_age']) await db.schema.dropIndex(index).execute()
      await db.schema.alterTable('idempotency').renameTo('idempotency_before').execute()
      await db.schema
        .createTable('idempotency')
        .addColumn('tenant', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('workload', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('idempotency_once', ['tenant', 'key'])
        .execute()
      const columns = sql.join(['tenant', 'key', 'body', 'workload', 'created_at'].map((name) => sql.ref(name)))
      await sql`insert into idempotency (${columns}) select ${columns} from idempotency_before`.execute(db)
      await db.schema.dropTable('idempotency_before').execute()
      await db.schema.createIndex('idempotency_by_age').on('idempotency').column('created_at').execute()
    },
  },
  // Of what was open before, nothing is known: it counts for none.
  '0007-disk': {
    async up(db) {
      await db.schema
        .alterTable('workloads')
        .addColumn('disk_mib', 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
}

async function workloads(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('workloads')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('runtime', 'text', (column) => column.notNull())
    .addColumn('isolation', 'text', (column) => column.notNull())
    .addColumn('priority', 'integer', (column) => column.notNull())
    // In SQLite that is what it calls real; half of it, which is real elsewhere, does not add tenths of a core up to whole ones.
    .addColumn('cpus', 'double precision', (column) => column.notNull())
    .addColumn('mem_mib', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('labels', 'text', (column) => column.notNull())
    .addColumn('spec', 'text')
    .addColumn('record', 'text')
    .addColumn('bytes', 'bigint', (column) => column.notNull().defaultTo(0))
    .addColumn('lease_node', 'text')
    .addColumn('lease_until', 'bigint')
    .addColumn('fence', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute()
  // What has not ended is little, whatever is kept of the past.
  const open = (name: string) => db.schema.createIndex(name).on('workloads').where(sql.ref('finished_at'), 'is', null)
  await open('workloads_waiting')
    .columns(['priority', 'tenant', 'id'])
    .where(sql.ref('lease_node'), 'is', null)
    .execute()
  await open('workloads_claimed')
    .columns(['lease_node', 'tenant'])
    .where(sql.ref('lease_node'), 'is not', null)
    .execute()
  await db.schema.createIndex('workloads_by_status').on('workloads').columns(['status', 'id']).execute()
  await db.schema.createIndex('workloads_by_end').on('workloads').column('finished_at').execute()
}

async function details(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('labels')
    .addColumn('workload', 'text', (column) => column.notNull().references('workloads.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('labels_key', ['workload', 'name'])
    .execute()
  await db.schema.createIndex('labels_by_value').on('labels').columns(['name', 'value', 'workload']).execute()
  await db.schema
    .createTable('given')
    .addColumn('workload', 'text', (column) => column.primaryKey().references('workloads.id').onDelete('cascade'))
    .addColumn('given', 'text', (column) => column.notNull())
    .execute()
}

async function idempotency(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('workload', 'text', (column) => column.notNull().references('workloads.id').onDelete('cascade'))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['tenant', 'key'])
    .execute()
  await db.schema.createIndex('idempotency_by_workload').on('idempotency').column('workload').execute()
  await db.schema.createIndex('idempotency_by_age').on('idempotency').column('created_at').execute()
}

async function keys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('running', 'integer')
    .addColumn('queued', 'integer')
    .addColumn('cpu_seconds', 'integer')
    .execute()
  await db.schema
    .createTable('spent')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('day', 'text', (column) => column.notNull())
    .addColumn('cpu_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('spent_key', ['tenant', 'day'])
    .execute()
}

/** Until there were keys, everything was the local key's, which had no name; and now listings ask by whose it is. */
async function whose(db: Kysely<unknown>): Promise<void> {
  await sql`update workloads set tenant = 'local' where tenant = ''`.execute(db)
  await sql`update idempotency set tenant = 'local' where tenant = ''`.execute(db)
  await db.schema.createIndex('workloads_by_tenant').on('workloads').columns(['tenant', 'id']).execute()
}

const provider: MigrationProvider = { getMigrations: () => Promise.resolve({ ...migrations }) }

/** Brings the schema up to date. Throws store_failed, having changed nothing, when a step fails or the store is newer. */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw storeFailed('bringing the store up to date', error)
}

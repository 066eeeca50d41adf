/** What a claim takes: the order of the queue. */
import { sql, type RawBuilder } from 'kysely'
import type { Db, Trx } from './commits.ts'
import { unindexed } from './dialect.ts'

/**
 * The id of what is next among those runtimes. What waits may be very much, so each step is a search in the index of it
 * (priority, tenant, id) and never a walk: the tenants of the highest priority one after the other, then those of the next
 * lower one, up to a priority at which one may run; the first of each of them there.
 */
export function nextOf(runtimes: readonly RawBuilder<string>[], db: Db | Trx) {
  const waiting = sql`workloads where finished_at is null and lease_node is null`
  const theirs = sql`${waiting} and priority = places.priority and tenant = places.tenant`
  const runnable = sql`runtime in (${sql.join(runtimes)})`
  const may = sql`places.tenant is not null and places.tenant not in (select tenant from at_limit)`
  const lower = sql`(select max(priority) from ${waiting} and priority < places.priority)`
  return sql<string>`(
    with recursive
      busy(tenant, running) as materialized (
        select tenant, count(*) from workloads where finished_at is null and lease_node is not null
        group by ${unindexed(db, 'tenant')}
      ),
      at_limit(tenant) as materialized (
        select busy.tenant from busy join api_keys on api_keys.id = busy.tenant where busy.running >= api_keys.running
      ),
      places(priority, tenant, found) as (
        select top.priority, (select min(tenant) from ${waiting} and priority = top.priority), false
        from (select max(priority) as priority from ${waiting}) as top
        union all
        select
          case when tenant is null then ${lower} else priority end,
          case
            when tenant is null then (select min(tenant) from ${waiting} and priority = ${lower})
            else (select min(tenant) from ${waiting} and priority = places.priority and tenant > places.tenant)
          end,
          found or (${may} and exists (select 1 from ${theirs} and ${runnable}))
        from places where priority is not null and (tenant is not null or not found)
      ),
      first(priority, tenant, id) as (
        select priority, tenant, (select id from ${theirs} and ${runnable} order by id limit 1) from places where ${may}
      )
    select first.id from first left join busy on busy.tenant = first.tenant where first.id is not null
    order by first.priority desc, coalesce(busy.running, 0), first.id
    limit 1
  )`
}

/** The same where only one waits, which is found without all that; none where its key says how many may run. */
export function onlyOf(runtimes: readonly RawBuilder<string>[]) {
  return sql<string>`(
    select sole.id from (
      select count(*) as count, min(id) as id, min(tenant) as tenant, min(runtime) as runtime
      from (select id, tenant, runtime from workloads where finished_at is null and lease_node is null limit 2) as two
    ) as sole
    where sole.count = 1 and sole.runtime in (${sql.join(runtimes)})
      and not exists (select 1 from api_keys where api_keys.id = sole.tenant and api_keys.running is not null)
  )`
}

/** The routes about the server itself. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Type } from 'typebox'
import { VulcanError, type ErrorCode } from '../api/errors.ts'
import { ref } from '../api/ref.ts'
import { routes } from '../api/routes.ts'
import {
  BackendList,
  Health,
  ImageList,
  LeftoverList,
  type LeftoverState,
  NodeList,
  Readiness,
  Stats,
} from '../api/state.ts'
import { statuses, type Status } from '../api/workload.ts'
import type { Leftover } from '../backend/backend.ts'
import type { PoolState } from '../backend/warm.ts'
import { proofOf } from '../base/proof.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { aboutIn } from './about.ts'
import type { FastifyTypeBox, ServerOptions } from './app.ts'
import { streamBackup } from './backup.ts'
import { doctorRoute } from './doctor.ts'
import { Query } from './query.ts'
import { expectRoom } from './room.ts'
import { warmRoutes } from './warm.ts'

const about = aboutIn('state')

export function stateRoutes(app: FastifyTypeBox, o: ServerOptions): void {
  const { scheduler } = o
  healthRoute(app, o)
  app.get(
    routes.ready,
    {
      config: { codes: ['host_unfit'] },
      schema: { ...about('getReadiness', 'Says whether workloads can run'), response: { 200: ref(Readiness) } },
    },
    async () => {
      const { online, reason } = await scheduler.offer()
      if (!online) throw new VulcanError('host_unfit', `nothing can run here: ${reason ?? 'no reason given'}`)
      await expectRoom(o.home)
      return { status: 'ready' }
    },
  )

  const backends = { ...about('listBackends', 'Lists what runs workloads'), response: { 200: ref(BackendList) } }
  app.get(routes.backends, { config: { scope: 'any' }, schema: backends }, async () => {
    const { name, online, reason, isolation, runtimes, details } = await scheduler.offer()
    const state = { name, online, isolation: [...isolation], runtimes: [...runtimes], details: { ...details } }
    return { backends: [{ ...state, ...(reason !== undefined && { reason }) }] }
  })
  const images = { ...about('listImages', 'Lists root file systems'), response: { 200: ref(ImageList) } }
  app.get(routes.images, { config: { scope: 'any' }, schema: images }, async () => ({
    images: [...(await o.images())],
  }))
  loadRoutes(app, o)
  cleanupRoutes(app, scheduler)
  warmRoutes(app, o)
  doctorRoute(app, o)
  backupRoute(app, o)
}

function healthRoute(app: FastifyTypeBox, { build, version, secret }: ServerOptions): void {
  const schema = {
    ...about('getHealth', 'Says that the server lives'),
    querystring: Query({ challenge: Type.Optional(Challenge) }),
    response: { 200: ref(Health) },
  }
  app.get(routes.health, { schema }, ({ query: { challenge } }) => ({
    ...{ status: 'ok', build, version },
    ...(secret !== undefined && challenge !== undefined && { proof: proofOf(secret, challenge) }),
  }))
}

const Challenge = Type.String({
  pattern: '^[A-Za-z0-9_-]{16,128}$',
  description: 'random; a server that knows the secret of its home answers it with `proof`',
})

function loadRoutes(app: FastifyTypeBox, { scheduler, backend, capacity, limits, node }: ServerOptions): void {
  const nodes = { ...about('listNodes', 'Lists hosts and what they carry'), response: { 200: ref(NodeList) } }
  app.get(routes.nodes, { config: { scope: 'read' }, schema: nodes }, async () => {
    const { online, reason } = await scheduler.offer()
    const { vms, memMib, pending } = await scheduler.load()
    const { vms: maxVms, memMib: maxMem } = capacity
    return {
      nodes: [
        {
          ...{ name: node, online, ...(reason !== undefined && { reason }) },
          ...{ vms, max_vms: maxVms, pending, mem_mb: memMib, max_mem_mb: maxMem },
        },
      ],
    }
  })

  const { cpus, timeoutS, diskMib, pids } = limits
  const stats = { ...about('getStats', 'Counts workloads, and says how full it is'), response: { 200: ref(Stats) } }
  app.get(routes.stats, { config: { scope: 'read' }, schema: stats }, async () => {
    const { lines } = backend.pool()
    const [counts, { vms, memMib, pending }] = await Promise.all([scheduler.counts(), scheduler.load()])
    return {
      workloads: { ...none, ...counts },
      queue: { waiting: pending },
      vms: { running: vms, max: capacity.vms },
      mem_mb: { used: memMib, max: capacity.memMib },
      pool: { ready: count(lines, 'ready'), slots: count(lines, 'slots') },
      limits: { cpus, mem_mb: limits.memMib, timeout_s: timeoutS, disk_mb: diskMib, pids },
    }
  })
}

const count = (lines: PoolState['lines'], of: 'ready' | 'slots'): number =>
  lines.reduce((sum, line) => sum + line[of], 0)

const none = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>

function cleanupRoutes(app: FastifyTypeBox, scheduler: Scheduler): void {
  const config = { scope: 'admin' } as const
  const response = { 200: ref(LeftoverList) }
  const list = {
    ...about('listLeftovers', 'Lists what is on the host and has no owner, and counts what is outdated'),
    response,
  }
  app.get(routes.leftovers, { config, schema: list }, async () => ({
    leftovers: (await scheduler.cleanup({ dryRun: true })).map(leftoverState),
    outdated: await scheduler.sweep({ dryRun: true }),
  }))

  const remove = {
    ...about('removeLeftovers', 'Removes what is on the host and has no owner, and what is outdated'),
    response,
  }
  app.delete(routes.leftovers, { config, schema: remove }, async () => ({
    leftovers: (await scheduler.cleanup()).map(leftoverState),
    outdated: await scheduler.sweep(),
  }))
}

function leftoverState({ since, ...leftover }: Leftover): LeftoverState {
  return { ...leftover, ...(since !== undefined && { since: new Date(since).toISOString() }) }
}

function backupRoute(app: FastifyTypeBox, { home, log }: ServerOptions): void {
  const schema = about('createBackup', 'Copies the store, outputs, key and settings, for a home to be made from')
  const config = {
    scope: 'admin' as const,
    codes: ['not_found'] satisfies ErrorCode[],
    media: { type: 'application/octet-stream', description: 'a .tar.zst; its last entry is COMPLETE' },
  }
  app.post(routes.backup, { schema, config }, async (_request, reply) => {
    // Where the next start removes what a crash left.
    const folder = join(home, 'uploads', randomUUID())
    void reply.type('application/octet-stream')
    return reply.send(await streamBackup({ home, folder, signal: app.closing.begun, log }))
  })
}

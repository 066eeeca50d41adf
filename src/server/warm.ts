/** The routes about what is kept so that workloads start sooner. */
import type { ErrorCode } from '../api/errors.ts'
import { ref } from '../api/ref.ts'
import { routes } from '../api/routes.ts'
import { CleanupReport } from '../api/state.ts'
import { PoolReport, TemplateList } from '../api/warm.ts'
import type { Backend } from '../backend/backend.ts'
import type { VmKind } from '../backend/warm.ts'
import { type Limits, usualRuns } from '../scheduler/admission.ts'
import { aboutIn } from './about.ts'
import type { FastifyTypeBox } from './app.ts'

export type Warm = Pick<Backend, 'templates' | 'buildTemplates' | 'pool' | 'drain'>

const about = aboutIn('state')

export function warmRoutes(app: FastifyTypeBox, { backend, limits }: { backend: Warm; limits: Limits }): void {
  const list = {
    ...about('listTemplates', 'Lists the templates that vms go on from, and those that could not be made'),
    response: { 200: ref(TemplateList) },
  }
  app.get(routes.templates, { config: { scope: 'read' }, schema: list }, () => listed(backend))

  const build = {
    ...about(
      'buildTemplates',
      'Has the templates of each runtime made that are missing, for runs with default settings',
    ),
    response: { 202: ref(TemplateList) },
  }
  const config = { scope: 'admin' as const, codes: ['asset_unavailable'] satisfies ErrorCode[] }
  app.post(routes.templates, { config, schema: build }, async (_request, reply) => {
    await backend.buildTemplates(usualRuns(limits))
    return reply.code(202).send(listed(backend))
  })

  const pool = {
    ...about('getPool', 'Tells of the vms that wait, ready, for a run'),
    response: { 200: ref(PoolReport) },
  }
  app.get(routes.pool, { config: { scope: 'read' }, schema: pool }, () => {
    const { lines, most, memMib } = backend.pool()
    const used = lines.reduce((sum, line) => sum + line.ready * line.memMib, 0)
    const classes = lines.map(({ network, ready, slots, wanted, ...kind }) => {
      return { ...kindIn(kind), network, ready, slots, wanted }
    })
    return { classes, max_vms: most, mem_mb: { used, max: memMib } }
  })

  const drain = {
    ...about('drainPool', 'Removes the vms that wait, ready, for a run'),
    response: { 200: ref(CleanupReport) },
  }
  app.delete(routes.pool, { config: { scope: 'admin' }, schema: drain }, async () => ({
    removed: { ready_vms: await backend.drain() },
  }))
}

const kindIn = ({ runtime, vcpus, memMib, diskMib }: VmKind) => ({
  runtime,
  cpus: vcpus,
  mem_mb: memMib,
  disk_mb: diskMib,
})

const listed = (backend: Warm): TemplateList => ({
  templates: backend.templates().map(({ nic, state, bytes, madeAt, reason, ...kind }) => ({
    ...kindIn(kind),
    ...{ nic, state },
    ...(bytes !== undefined && { bytes }),
    ...(madeAt !== undefined && { made_at: new Date(madeAt).toISOString() }),
    ...(reason !== undefined && { reason }),
  })),
})

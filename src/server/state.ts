/** The routes about the server itself. */
import { Type } from 'typebox'
import { VulcanError } from '../api/errors.ts'
import { routes } from '../api/routes.ts'
import { BackendState, CleanupReport, Health, ImageState, NodeState } from '../api/state.ts'
import type { FastifyTypeBox, ServerOptions } from './app.ts'

export function stateRoutes(app: FastifyTypeBox, o: ServerOptions): void {
  const { scheduler } = o
  app.get(routes.health, { schema: { response: { 200: Health } } }, () => ({
    status: 'ok',
    build: o.build,
    version: o.version,
  }))

  app.get(routes.ready, { schema: { response: { 200: Type.Object({ status: Type.String() }) } } }, async () => {
    const { online, reason } = await scheduler.offer()
    if (!online) throw new VulcanError('host_unfit', `nothing can run here: ${reason ?? 'no reason given'}`)
    return { status: 'ready' }
  })

  const Backends = Type.Object({ backends: Type.Array(BackendState) })
  app.get(routes.backends, { schema: { response: { 200: Backends } } }, async () => {
    const { name, online, reason, isolation, runtimes, details } = await scheduler.offer()
    const state = { name, online, isolation: [...isolation], runtimes: [...runtimes], details: { ...details } }
    return { backends: [{ ...state, ...(reason !== undefined && { reason }) }] }
  })

  const Nodes = Type.Object({ nodes: Type.Array(NodeState) })
  app.get(routes.nodes, { schema: { response: { 200: Nodes } } }, async () => {
    const { online } = await scheduler.offer()
    const { vms, memMib, pending } = await scheduler.load()
    const { vms: maxVms, memMib: maxMem } = o.capacity
    return {
      nodes: [{ name: o.node, online, vms, max_vms: maxVms, pending, mem_mb: memMib, max_mem_mb: maxMem }],
    }
  })

  const Images = Type.Object({ images: Type.Array(ImageState) })
  app.get(routes.images, { schema: { response: { 200: Images } } }, async () => ({ images: [...(await o.images())] }))

  app.get(routes.cleanup, { schema: { response: { 200: CleanupReport } } }, async () => ({
    removed: { ...(await scheduler.cleanup({ dryRun: true })) },
  }))

  app.post(routes.cleanup, { schema: { response: { 200: CleanupReport } } }, async () => ({
    removed: { ...(await scheduler.cleanup()) },
  }))
}

/** The route table: every path the server answers to, as the client and the server both use it. */

/** Of every route about workloads and what runs them. */
export const prefix = '/v1'

export const routes = {
  workloads: `${prefix}/workloads`,
  workloadsAsync: `${prefix}/workloads/async`,
  workload: `${prefix}/workloads/:id`,
  logs: `${prefix}/workloads/:id/logs`,
  request: `${prefix}/workloads/:id/request`,
  archive: `${prefix}/workloads/:id/archive`,
  output: `${prefix}/workloads/:id/output/:stream`,
  events: `${prefix}/events`,
  doctor: `${prefix}/doctor`,
  backends: `${prefix}/backends`,
  nodes: `${prefix}/nodes`,
  images: `${prefix}/images`,
  stats: `${prefix}/stats`,
  leftovers: `${prefix}/leftovers`,
  pool: `${prefix}/pool`,
  templates: `${prefix}/templates`,
  loginLinks: `${prefix}/login-links`,
  keys: `${prefix}/keys`,
  key: `${prefix}/keys/:id`,
  backup: `${prefix}/backup`,
  metrics: '/metrics',
  health: '/healthz',
  ready: '/readyz',
  openapi: '/openapi.json',
  docs: '/docs',
} as const

/** Paths for browsers alone, which the document of the API leaves out. */
export const pages = {
  /** Where a login link leads. */
  login: '/login',
  /** The dashboard's files, named by their content. */
  assets: '/assets',
} as const

/** Paths that need no key. */
export const openPaths: ReadonlySet<string> = new Set([routes.health, routes.ready])

/** A route's path with its parameters filled in, each percent-encoded. */
export function pathOf(route: string, parameters: Readonly<Record<string, string>> = {}): string {
  return route.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''))
}

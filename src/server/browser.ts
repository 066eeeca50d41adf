/** What a browser sends by itself: its requests for the page, which tell nothing, and the cookie of its session. */
import type { FastifyRequest } from 'fastify'
import { pages, prefix, routes } from '../api/routes.ts'

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** The page, its files and its login need no key: they are the same for everybody. */
export function isOfPage(request: FastifyRequest): boolean {
  if (!reads.has(request.method)) return false
  const { url = '' } = request.routeOptions
  return url === '/' || url === pages.login || url.startsWith(`${pages.assets}/`) || isNavigation(request)
}

/** Somebody opens an address that is no route of ours, so that it may be one of the dashboard's. */
export function isNavigation(request: FastifyRequest): boolean {
  const { method, url, headers } = request
  if (!reads.has(method) || url.startsWith(`${prefix}/`)) return false
  return request.is404 && (headers.accept ?? '').includes('text/html')
}

/** Cookies know no ports: two servers of one host must not take each other's. */
export function cookieName(host: string | undefined): string {
  return `vulcan_session_${/:(\d+)$/.exec(host ?? '')?.[1] ?? ''}`
}

/**
 * The session that a request of our own page carries. Another page on the same host, at another port, is of the same site,
 * so SameSite alone does not keep its requests out: what changes something must name our origin, and where a browser says
 * whence a request comes, it must be from here. (A foreign Origin was refused before.) A link to log in takes a key.
 */
export function sessionOf({ method, routeOptions, headers }: FastifyRequest): string | undefined {
  if (routeOptions.url === routes.loginLinks) return undefined
  const site = headers['sec-fetch-site']
  const typed = site === 'none' && reads.has(method)
  if (site !== undefined && site !== 'same-origin' && !typed) return undefined
  if (!reads.has(method) && headers.origin === undefined && site === undefined) return undefined
  const name = cookieName(headers.host)
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
  return pairs.find(([key]) => key === name)?.[1]
}

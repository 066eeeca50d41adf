/** Which address shows which page. Filters live in the address, so that every view can be linked to. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { statuses } from '../src/api/workload.ts'
import { Broken, NotFound } from './troubles.tsx'
import { Shell } from './shell.tsx'

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Broken })

const textIn = (search: Record<string, unknown>, name: string): string | undefined => {
  const value = search[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export interface SubmitSearch {
  /** A workload of this browser to begin from. */
  readonly again?: string | undefined
  readonly login?: string | undefined
}

const submitRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  validateSearch: (search): SubmitSearch => ({ again: textIn(search, 'again'), login: textIn(search, 'login') }),
  component: lazyRouteComponent(() => import('./submit/page.tsx'), 'SubmitPage'),
})

export interface ListSearch {
  readonly status?: string | undefined
  readonly runtime?: string | undefined
  readonly label?: string | undefined
  readonly cursor?: string | undefined
}

const listRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/workloads',
  validateSearch: (search): ListSearch => {
    const status = textIn(search, 'status')
    const label = textIn(search, 'label')
    return {
      status: statuses.find((known) => known === status),
      runtime: textIn(search, 'runtime'),
      label: label?.match(/^[^=]+=/) ? label : undefined,
      cursor: textIn(search, 'cursor'),
    }
  },
  component: lazyRouteComponent(() => import('./list/page.tsx'), 'ListPage'),
})

const workloadRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/workloads/$id',
  component: lazyRouteComponent(() => import('./workload/page.tsx'), 'WorkloadPage'),
})

const learnRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/workloads/$id/inside',
  component: lazyRouteComponent(() => import('./learn/page.tsx'), 'LearnPage'),
})

export interface CompareSearch {
  readonly a?: string | undefined
  readonly b?: string | undefined
}

const compareRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/compare',
  validateSearch: (search): CompareSearch => ({ a: textIn(search, 'a'), b: textIn(search, 'b') }),
  component: lazyRouteComponent(() => import('./list/compare.tsx'), 'ComparePage'),
})

const systemRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/system',
  component: lazyRouteComponent(() => import('./system/page.tsx'), 'SystemPage'),
})

export const router = createRouter({
  routeTree: rootRoute.addChildren([submitRoute, listRoute, workloadRoute, learnRoute, compareRoute, systemRoute]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

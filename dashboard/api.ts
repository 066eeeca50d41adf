/** The server, as the pages ask it. */
import { QueryClient, queryOptions } from '@tanstack/react-query'
import { Client } from '../src/api/client.ts'
import { VulcanError } from '../src/api/errors.ts'
import { routes } from '../src/api/routes.ts'
import { hasEnded } from '../src/api/workload.ts'
import { Live } from './live.ts'

/** A page waits for a server that is away for as long as somebody looks at it. */
export const client = new Client({ url: location.origin, reconnects: Infinity })

/** Milliseconds between two looks at what changes, where nobody tells of it. */
const pollMs = 2000
/** Milliseconds between two looks at what we are told of: what no event says, such as that a node's room was changed. */
const slowMs = 15_000

export const queries = new QueryClient({
  // What failed is asked for again at the next poll; until then the page says so.
  defaultOptions: { queries: { retry: false, networkMode: 'always', staleTime: 1000 } },
})

/** What a change of any workload changes. */
const changing = ['workloads', 'stats', 'nodes', 'pool']

/** The changes of all workloads, told while a page uses them (`useLive`). */
export const live = new Live({
  client,
  refresh: async (ids) => {
    const isConcerned = ({ queryKey: [name, id] }: { queryKey: readonly unknown[] }): boolean =>
      changing.includes(String(name)) || (name === 'workload' && ids.has(String(id)))
    // A look that goes on is not begun anew: where one takes long, a flood of changes would let none come to its end.
    await queries.invalidateQueries({ predicate: isConcerned }, { cancelRefetch: false })
  },
})

const pace = (): number => (live.isOn ? slowMs : pollMs)

/** Asked for all the time: it tells whether the server is there and lets us in. */
export const statsQuery = queryOptions({
  queryKey: ['stats'],
  queryFn: () => client.stats(),
  // Who has no key is no nearer to one by asking again, and is made to wait for asking often.
  refetchInterval: ({ state }) => (isShutOut(state.error) ? false : pace()),
})

export const recordQuery = (id: string) =>
  queryOptions({
    queryKey: ['workload', id],
    queryFn: () => client.get(id),
    refetchInterval: ({ state }) => (state.data && hasEnded(state.data.status) ? false : pollMs),
    // The title of a tab out of sight says what became of it.
    refetchIntervalInBackground: true,
  })

/** What was asked for: it never changes. Kept for a short while only, as it may hold secrets. */
export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ['request', id],
    queryFn: () => client.request(id),
    staleTime: Infinity,
    gcTime: 60_000,
  })

/** As the list's route takes it. */
export type ListQuery = Readonly<Partial<Record<'status' | 'runtime' | 'label' | 'cursor', string | undefined>>>

export const listQuery = (query: ListQuery) =>
  queryOptions({
    queryKey: ['workloads', query],
    queryFn: ({ signal }) => client.list({ limit: '50', ...given(query) }, signal),
    refetchInterval: pace,
    placeholderData: (before) => before,
  })

const given = (query: ListQuery): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ''),
  )

export const backendsQuery = queryOptions({
  queryKey: ['backends'],
  queryFn: () => client.backends(),
  refetchInterval: 10_000,
})
export const nodesQuery = queryOptions({
  queryKey: ['nodes'],
  queryFn: () => client.nodes(),
  refetchInterval: pace,
})
export const imagesQuery = queryOptions({
  queryKey: ['images'],
  queryFn: () => client.images(),
  refetchInterval: 30_000,
})
export const poolQuery = queryOptions({
  queryKey: ['pool'],
  queryFn: () => client.pool(),
  refetchInterval: pace,
})
export const templatesQuery = queryOptions({
  queryKey: ['templates'],
  queryFn: () => client.templates(),
  refetchInterval: 10_000,
})
export const doctorQuery = queryOptions({
  queryKey: ['doctor'],
  queryFn: () => client.doctor(),
  refetchInterval: 60_000,
})
export const healthQuery = queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => client.health(signal) })

/** Prometheus's text. Rejects with a VulcanError, as the client does. */
export async function metricsText(signal: AbortSignal): Promise<string> {
  const response = await fetch(routes.metrics, { signal }).catch((cause: unknown) => {
    throw new VulcanError('server_unreachable', 'GET /metrics', { cause })
  })
  if (!response.ok) throw new VulcanError('internal', `GET /metrics: ${response.status}`)
  return response.text()
}

/** True when the server answers, but not to us. */
export const isShutOut = (error: unknown): boolean =>
  error !== null && (codeOf(error) === 'unauthorized' || codeOf(error) === 'too_many_failures')

export const codeOf = (error: unknown): string => (error instanceof VulcanError ? error.code : 'internal')
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

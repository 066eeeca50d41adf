/** Where a form begins that is to run a workload again: what was asked for, as far as the server still tells. */
import { queryOptions } from '@tanstack/react-query'
import type { KeptRequest } from '../../src/api/request.ts'
import { client } from '../api.ts'
import { shortId } from '../format.ts'
import type { Archive } from './archive.ts'
import { emptyForm, type Form, formAgain } from './form.ts'
import { lackingOf } from './lacking.ts'

export interface Beginning {
  readonly form: Form
  readonly archive: Archive | undefined
  /** What of the earlier request is not in the form, in words. */
  readonly lacking: readonly string[]
}

export const fresh: Beginning = { form: emptyForm, archive: undefined, lacking: [] }

/** Asked for whenever a form is opened: it may hold what should not stay in a browser. */
export const againQuery = (id: string) =>
  queryOptions({ queryKey: ['again', id], queryFn: () => beginningFrom(id), staleTime: Infinity, gcTime: 0 })

async function beginningFrom(id: string): Promise<Beginning> {
  const kept = await client.request(id)
  const isWhole = kept.withheld.length === 0
  return {
    form: formAgain(kept),
    archive: kept.archive?.kept && isWhole ? await archiveOf(id, kept.archive) : undefined,
    lacking: lackingOf(kept),
  }
}

async function archiveOf(id: string, { format }: NonNullable<KeptRequest['archive']>): Promise<Archive> {
  const file = await new Response(await client.archive(id)).blob()
  // What reads archives is loaded where there is one.
  const { archiveFrom } = await import('./archive.ts')
  return archiveFrom([{ path: `${shortId(id)}.${format}`, file }])
}

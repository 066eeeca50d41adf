/** One piece of advice for production. */
export interface Advice {
  readonly ok: boolean
  /** It could not be found out here: neither well nor wrong. */
  readonly unknown?: true
  readonly found: string
  readonly why: string
  readonly mend: string
}

export type State = Pick<Advice, 'ok' | 'unknown' | 'found'>

/** Where a place says nothing, as a container or a virtual machine may, it is not told as well. */
export const unknown = (found = 'not known here') => ({ ok: false, unknown: true, found }) as const

/** Steps that run side by side and fail as one. */

/**
 * Runs the steps at once under a signal of their own. When one fails the others are aborted, and the first error is thrown
 * only after all have settled: so nothing is still being acquired when the caller starts to undo.
 */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal,
  ...steps: { readonly [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }
): Promise<T> {
  const inner = new AbortController()
  const joint = AbortSignal.any([signal, inner.signal])
  let first: { error: unknown } | undefined
  const results = await Promise.allSettled(
    steps.map(async (step) => {
      try {
        return await step(joint)
      } catch (error) {
        first ??= { error }
        inner.abort(error)
        throw error
      }
    }),
  )
  if (first) throw first.error
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T
}

/** Hands a request in with a word on how far it is, which fetch cannot give. */
import { errorTable } from '../../src/api/errors.ts'
import { routes } from '../../src/api/routes.ts'
import type { Problem } from '../../src/api/problem.ts'
import type { Accepted, WorkloadRequest } from '../../src/api/workload.ts'

export interface Sending {
  readonly request: WorkloadRequest
  readonly archive: Blob | undefined
  /** Told the share that has gone, 0 to 1. */
  readonly onProgress: (share: number) => void
  readonly signal: AbortSignal
}

/** What the server refused, with each fault. */
export class Refused extends Error {
  readonly problem: Partial<Problem>

  constructor(problem: Partial<Problem>) {
    super(problem.detail ?? 'the server refused without saying why')
    this.problem = problem
  }
}

/** Resolves with what was accepted; rejects with Refused, or the signal's reason. */
export function send({ request, archive, onProgress, signal }: Sending): Promise<Accepted> {
  const { promise, resolve, reject } = Promise.withResolvers<Accepted>()
  const call = new XMLHttpRequest()
  call.open('POST', routes.workloadsAsync)
  call.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0))
  call.addEventListener('load', () => {
    if (call.status === 202) resolve(JSON.parse(call.responseText) as Accepted)
    else reject(new Refused(problemIn(call)))
  })
  call.addEventListener('error', () =>
    reject(new Refused({ code: 'server_unreachable', detail: errorTable.server_unreachable.title })),
  )
  call.addEventListener('abort', () => reject(signal.reason as Error))
  signal.addEventListener('abort', () => call.abort(), { once: true })
  if (archive === undefined) {
    call.setRequestHeader('content-type', 'application/json')
    call.send(JSON.stringify(request))
  } else {
    const form = new FormData()
    form.set('spec', JSON.stringify(request))
    form.set('archive', archive, 'archive')
    call.send(form)
  }
  return promise
}

function problemIn(call: XMLHttpRequest): Partial<Problem> {
  try {
    return JSON.parse(call.responseText) as Problem
  } catch {
    // Something between us and the server answered in its place.
    return { detail: `the server answered ${call.status}` }
  }
}

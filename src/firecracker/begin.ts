/** From what is asked for to a program that runs, in a vm of its own. */
import type { RunFacts } from '../backend/backend.ts'
import { acquire } from '../base/scope.ts'
import { abortable, DeadlineExceeded } from '../base/time.ts'
import { together } from '../base/together.ts'
import { SessionLost } from './agent.ts'
import { factsOf } from './details.ts'
import { leftoverOf } from './facts.ts'
import type { Makers, Started } from './makevm.ts'
import type { RefusalBook } from './network/watch.ts'
import { FirecrackerRun } from './run.ts'
import type { Starter, StartRequest } from './starter.ts'
import { askFirst, bringing, unpackFirst } from './upload.ts'
import type { Vm } from './vm.ts'

export interface BeginParts extends Makers {
  readonly starter: Pick<Starter, 'start' | 'noteBegun' | 'noteHung'>
  /** Names of the backend and of this node, for the record. */
  readonly place: Pick<RunFacts, 'backend' | 'node'>
}

export interface BeginRequest extends StartRequest {
  /** No program begins before this resolves, and none where it rejects; absent, nothing has to be waited for. */
  readonly accepted?: Promise<unknown> | undefined
}

/** Rejects having left nothing behind. */
export async function begin(parts: BeginParts, request: BeginRequest): Promise<{ run: FirecrackerRun; vm: Vm }> {
  const { host, place, starter } = parts
  const { spec, image, phases, signal } = request
  const { scope, vm, session, rttUs, refusals } = await loaded(parts, request)
  const start = () => {
    const { kernelVersion: kernel } = host.assets
    const known = { ...factsOf({ spec, image, vm, rttUs, kernel }), ...place }
    const bring = bringing(session, { spec, phases })
    return FirecrackerRun.start({ spec, image, scope, vm, session, phases, known, refusals, bring }, signal)
  }
  try {
    const run = await acquire(scope, start, leftoverOf(parts.facts, vm.names.vmId))
    starter.noteBegun(request)
    return { run, vm }
  } catch (error) {
    if (error instanceof DeadlineExceeded && vm.start !== 'boot' && !signal.aborted) starter.noteHung(request)
    throw error
  }
}

/** A vm of the run's own, with its archive in it. One that was ready may have died since: then there is another. */
async function loaded(
  parts: BeginParts,
  request: BeginRequest,
): Promise<Started & { refusals: RefusalBook | undefined }> {
  const { spec, phases, accepted } = request
  const { book, networks } = parts.host
  for (;;) {
    const started = await parts.starter.start(request)
    const { scope, vm, session } = started
    const { vmId } = vm.names
    const load = async () => {
      // All of them before the program starts, and none waits for another.
      const prepare = vm.start === 'pool' ? askFirst : unpackFirst
      const [, , refusals] = await together(
        request.signal,
        () => book.give(vmId, spec.id),
        (signal: AbortSignal) => prepare(session, { spec, phases, signal }),
        () => networks.watch(scope, vmId, { isNew: true }),
        (signal: AbortSignal) => abortable(accepted ?? Promise.resolve(), signal),
      )
      return { ...started, refusals }
    }
    try {
      return await acquire(scope, load, leftoverOf(parts.facts, vmId))
    } catch (error) {
      const passing = error instanceof SessionLost || error instanceof DeadlineExceeded
      if (vm.start !== 'pool' || !passing || request.signal.aborted) throw error
    }
  }
}

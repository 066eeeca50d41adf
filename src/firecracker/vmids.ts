/** Ids of vms. A vm can be made before anybody knows for which run, so its id is nothing but random. */
import { randomBytes } from 'node:crypto'
import type { Scope } from '../base/scope.ts'

/** Those that this process makes or holds are remembered: a cleanup leaves their vms alone. */
export class VmIds {
  readonly #instance: string
  readonly #held = new Set<string>()

  constructor(instance: string) {
    this.#instance = instance
  }

  get held(): ReadonlySet<string> {
    return this.#held
  }

  /** A new id, held for as long as the scope is open: take it first, so that it is let go of when nothing has it any more. */
  take(scope: Scope): string {
    return this.retake(scope, `${this.#instance}-${randomBytes(6).toString('hex')}`)
  }

  /** The id of a vm that lives already. */
  retake(scope: Scope, vmId: string): string {
    scope.defer('let go of the vm id', () => void this.#held.delete(vmId))
    this.#held.add(vmId)
    return vmId
  }

  /** For a vm that lives on without us. */
  forget(vmId: string): void {
    this.#held.delete(vmId)
  }
}

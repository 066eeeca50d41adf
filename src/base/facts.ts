/** Facts: rooms state what happened; metrics, logs and streams subscribe. Nothing is counted in business code. */

export type Listener<T> = (fact: T) => void

/** A typed emitter. `M` maps each fact's name (`vm.started`) to its fields. */
export class Facts<M extends object> {
  readonly #listeners = new Map<keyof M, Set<Listener<never>>>()

  /** Subscribes to one fact; the returned function ends the subscription. */
  on<K extends keyof M>(name: K, listener: Listener<M[K]>): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    set.add(listener)
    return () => set.delete(listener)
  }

  /** States a fact to everyone who listens, in the order of subscription. */
  emit<K extends keyof M>(name: K, fact: M[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) (listener as Listener<M[K]>)(fact)
  }
}

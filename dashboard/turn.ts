/** Long work in turns, so that the page answers meanwhile. */

/** Milliseconds of work between two turns of the page: less than a frame. */
const turnMs = 10

export class Turn {
  #begun = performance.now()

  /** To be awaited every now and then in long work: lets the page have its turn when it is time for that. */
  async pass(): Promise<void> {
    if (performance.now() - this.#begun < turnMs) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#begun = performance.now()
  }
}

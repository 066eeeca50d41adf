/** Does something again and again, at a pace, when it is wished for: a flood of wishes is one act each so many milliseconds. */
export class Paced {
  readonly #everyMs: number
  readonly #act: () => Promise<void>
  #isWished = false
  #isActing = false

  /** `act` never rejects, and is never done twice at once. */
  constructor(everyMs: number, act: () => Promise<void>) {
    this.#everyMs = everyMs
    this.#act = act
  }

  /** It is done after this, whatever is going on: at once, or when it is time. */
  wish(): void {
    this.#isWished = true
    if (!this.#isActing) void this.#acts()
  }

  async #acts(): Promise<void> {
    this.#isActing = true
    while (this.#isWished) {
      this.#isWished = false
      await this.#act()
      await new Promise((resolve) => setTimeout(resolve, this.#everyMs))
    }
    this.#isActing = false
  }
}

/** What a benchmark may be told. */
export interface Options {
  /** Few rounds: to see that it works, not for figures. */
  readonly quick: boolean
  /** How many rounds, where a benchmark has some; its own number unless given. */
  readonly rounds?: number
  /** How long a disk takes to sync, in milliseconds, where it takes less: that of a cloud may say at once that it has. */
  readonly syncMs?: number
  /** Folder for processor profiles of the server. */
  readonly profile: string | undefined
  readonly say: (words: string) => void
}

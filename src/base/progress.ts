/** Progress of long work: what, how far, how long. Rooms report; whoever runs them decides how it is shown. */

export interface ProgressStep {
  /** How far: a short text such as "31 of 70 MB". */
  update(detail: string): void
}

export interface Progress {
  /** Runs one named step and shows its beginning, its progress, its end and its duration. */
  step<T>(title: string, body: (step: ProgressStep) => Promise<T>): Promise<T>
  /** One line of plain news. */
  note(text: string): void
}

/** Shows nothing; for tests and for work nobody waits for. */
export const quiet: Progress = {
  step: (_title, body) => body({ update: () => undefined }),
  note: () => undefined,
}

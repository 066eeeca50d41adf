/** How what a server says is to be taken by who watches it. */
export type Level = 'error' | 'warning' | 'info'

/** Says something to the operator; `info` unless given. */
export type Say = (words: string, level?: Level) => void

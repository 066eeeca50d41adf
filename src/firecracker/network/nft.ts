/** The tool nft on a host: what tables hold, and scripts that change them, each in one transaction. */
import { CommandFailed } from '../../base/process.ts'
import type { Host } from './host.ts'

const timeoutMs = 20_000
/** The answer of a list of nothing. */
export const nothing = '{"nftables":[]}'

export class Nft {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  /** JSON of what is listed. */
  async list(...words: readonly string[]): Promise<string> {
    return (await this.#host.run(['nft', '-j', 'list', ...words], { timeoutMs })).stdout
  }

  async apply(script: string, signal?: AbortSignal): Promise<void> {
    await this.#host.run(['nft', '-f', '-'], { input: script, timeoutMs, ...(signal ? { signal } : {}) })
  }

  /** Names of the tables of all families. */
  async tables(): Promise<string[]> {
    const { nftables } = JSON.parse(await this.list('tables')) as { nftables: { table?: { name: string } }[] }
    return nftables.flatMap(({ table }) => table?.name ?? [])
  }
}

/** Whether a command failed since what it is about is not there. */
export function isAbsent(error: unknown): boolean {
  return error instanceof CommandFailed && error.stderr.includes('No such file')
}

/** What is listed; nothing where that is not there. */
export async function orNothing(list: () => Promise<string>): Promise<string> {
  try {
    return await list()
  } catch (error) {
    if (isAbsent(error)) return nothing
    throw error
  }
}

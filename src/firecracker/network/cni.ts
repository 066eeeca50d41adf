/** A CNI runtime: runs the plugins of one configuration list as the specification says, and keeps results for DEL and CHECK. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, namesIn, textIn, writeAtomic } from '../../base/files.ts'
import { type CniResult, type Conflist, pluginStdin } from './conf.ts'
import { type Attachment, execForResult, execPlugin, type PluginHost } from './plugin.ts'
import { messageOf } from '../../base/words.ts'

export interface CniOptions extends PluginHost {
  readonly list: Conflist
  /** Folder of cached results; holds one file for each attachment, readable by its owner only. */
  readonly cache: string
}

/** As libcni writes it: other tools know how to read it. */
interface Cached {
  readonly kind: 'cniCacheV1'
  readonly containerId: string
  /** The configuration list, base64 of JSON. */
  readonly config: string
  readonly ifName: string
  readonly networkName: string
  readonly netns: string
  readonly cniArgs: readonly (readonly [string, string])[]
  readonly result: CniResult
}

interface Recalled {
  readonly list: Conflist
  readonly result: CniResult
  readonly args: Readonly<Record<string, string>>
}

export class CniRuntime {
  readonly #o: CniOptions
  /** The last operation of each container: there are never two at once. */
  readonly #tails = new Map<string, Promise<unknown>>()

  constructor(options: CniOptions) {
    this.#o = options
  }

  /** Runs ADD of each plugin in order; after a failure everything is undone by DEL, and the failure is thrown. */
  add(a: Attachment, signal: AbortSignal): Promise<CniResult> {
    return this.#inTurn(a.containerId, async () => {
      const { list } = this.#o
      if (await exists(this.fileOf(a))) throw new Error(`${a.containerId} is attached already: ADD twice without DEL`)
      try {
        let result: CniResult | undefined
        for (const plugin of list.plugins) {
          const stdin = pluginStdin(list, plugin, result)
          result = await execForResult(this.#o, { command: 'ADD', plugin: plugin.type, stdin, attachment: a, signal })
        }
        if (!result) throw new Error(`the network ${list.name} has no plugins`)
        await this.#remember(a, result)
        return result
      } catch (error) {
        await this.#delete(a).catch((undo: unknown) => note(error, undo))
        throw error
      }
    })
  }

  /** Runs CHECK of each plugin against the result of ADD; rejects with a CniError that says what is no longer so. */
  check(a: Attachment, signal: AbortSignal): Promise<void> {
    return this.#inTurn(a.containerId, async () => {
      const cached = await this.#recall(a)
      if (!cached) throw new Error(`${a.containerId} is not attached`)
      for (const plugin of cached.list.plugins) {
        const stdin = pluginStdin(cached.list, plugin, cached.result)
        await execPlugin(this.#o, { command: 'CHECK', plugin: plugin.type, stdin, attachment: a, signal })
      }
    })
  }

  /** Runs DEL in reverse order; safe twice and when nothing was added. Takes no signal: it is an undo. */
  del(a: Attachment): Promise<void> {
    return this.#inTurn(a.containerId, () => this.#delete(a))
  }

  /** Container ids with a cached result. */
  async attachments(ifName: string): Promise<string[]> {
    const [before, after] = [`${this.#o.list.name}-`, `-${ifName}`]
    const files = await namesIn(join(this.#o.cache, 'results'))
    return files
      .filter((file) => file.startsWith(before) && file.endsWith(after))
      .map((file) => file.slice(before.length, -after.length))
  }

  /** One plugin that fails keeps none of the others from taking back what is theirs. */
  async #delete(a: Attachment): Promise<void> {
    const cached = await this.#recall(a)
    const list = cached?.list ?? this.#o.list
    const attachment = { ...a, args: cached?.args ?? a.args }
    const failures: unknown[] = []
    for (const plugin of list.plugins.toReversed()) {
      const stdin = pluginStdin(list, plugin, cached?.result)
      await execPlugin(this.#o, { command: 'DEL', plugin: plugin.type, stdin, attachment }).catch((error: unknown) =>
        failures.push(error),
      )
    }
    const [first, ...others] = failures
    if (first !== undefined) {
      for (const other of others) note(first, other)
      throw first as Error
    }
    await rm(this.fileOf(a), { force: true })
  }

  async #inTurn<T>(containerId: string, operation: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(containerId)
    // Its failure belongs to whoever asked for it.
    const mine = before ? before.then(operation, operation) : operation()
    this.#tails.set(containerId, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(containerId) === mine) this.#tails.delete(containerId)
    }
  }

  /** Where the result of an attachment is cached. */
  fileOf(a: Attachment): string {
    return join(this.#o.cache, 'results', `${this.#o.list.name}-${a.containerId}-${a.ifName}`)
  }

  async #remember(a: Attachment, result: CniResult): Promise<void> {
    const cached: Cached = {
      kind: 'cniCacheV1',
      containerId: a.containerId,
      config: Buffer.from(JSON.stringify(this.#o.list)).toString('base64'),
      ifName: a.ifName,
      networkName: this.#o.list.name,
      netns: a.netns,
      cniArgs: Object.entries(a.args),
      result,
    }
    await writeAtomic(this.fileOf(a), JSON.stringify(cached), 0o600)
  }

  /** The configuration is that of ADD: the present one may name other plugins. */
  async #recall(a: Attachment): Promise<Recalled | undefined> {
    const text = await textIn(this.fileOf(a))
    if (text === undefined) return undefined
    const cached = JSON.parse(text) as Cached
    const list = JSON.parse(Buffer.from(cached.config, 'base64').toString()) as Conflist
    return { list, result: cached.result, args: Object.fromEntries(cached.cniArgs) }
  }
}

/** The first failure is the one that is thrown; that its undoing failed too is part of its message. */
function note(error: unknown, undo: unknown): void {
  if (error instanceof Error) error.message += ` (and DEL after it: ${messageOf(undo)})`
}

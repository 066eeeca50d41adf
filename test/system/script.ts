/** Scripts of ours that run on the node itself, beside the server. */
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { onNode } from './harness.ts'
import { root } from './places.ts'

/**
 * Runs one with those words and gives its output. It goes there as one file: a machine finds its imports one by one, which is a
 * minute under emulation.
 */
export async function runScript(path: string, words: readonly string[], o: { timeoutMs: number }): Promise<string> {
  await using bundle = await rolldown({ input: join(root, path), platform: 'node' })
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false })
  return await onNode(['node --input-type=module -', ...words.map((word) => `'${word}'`)].join(' '), {
    input: output[0].code,
    ...o,
  })
}

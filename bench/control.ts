/** The control plane on the scripted backend: what Vulcan itself costs, without a microVM. */
import { memory } from './memory.ts'
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { roundTrip } from './roundtrip.ts'
import { openStreams } from './streams.ts'
import { throughput } from './throughput.ts'

const parts = { 'round-trip': roundTrip, throughput, streams: openStreams, memory } as const

export const partNames = Object.keys(parts)

/** Runs the parts of these names, all for none. */
export async function control(o: Options, names: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, part] of Object.entries(parts)) {
    if (names.length > 0 && !names.includes(name)) continue
    o.say(`control: ${name} ...`)
    figures.push(...(await part(o)))
  }
  return figures
}

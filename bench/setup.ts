/** What the server that runs takes for itself, and what was made for it: of what it tells of itself. */
import type { Options } from './options.ts'
import type { Figure } from './report.ts'
import { type RunningServer, runningServer } from './server.ts'
import { spreadOf } from './statistics.ts'

export async function setup({ say }: Options): Promise<Figure[]> {
  const server = await runningServer()
  const { client } = server
  say('setup: what the server tells')
  const text = await metricsOf(server)
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (all, [, value]) => all + Number(value),
      0,
    )
  const built = sum('vulcan_template_build_seconds_count')
  const templates = await client.templates()
  const images = await client.images()
  const mib = (bytes: number) => bytes / (1 << 20)
  const total = (sizes: readonly { bytes?: number }[]) => mib(sizes.reduce((all, { bytes = 0 }) => all + bytes, 0))
  const named: Record<string, [string, number]> = {
    'memory of the server (resident)': ['MiB', mib(sum('process_resident_memory_bytes'))],
    'images on the disk': ['MiB', total(images)],
    'templates on the disk': ['MiB', total(templates)],
    ...(built > 0 && { 'making a template': ['s', sum('vulcan_template_build_seconds_sum') / built] }),
  }
  return Object.entries(named).map(([name, [unit, value]]) => ({ name, unit, value: spreadOf([value]) }))
}

async function metricsOf({ url, key }: RunningServer): Promise<string> {
  const answer = await fetch(new URL('/metrics', url), { headers: { authorization: `Bearer ${key}` } })
  if (!answer.ok) throw new Error(`GET /metrics: ${answer.status} ${await answer.text()}`)
  return answer.text()
}

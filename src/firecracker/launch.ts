/** From what a run asks for and how its runtime starts programs to the requests the agent gets: pure. */
import { dirname } from 'node:path/posix'
import { runtimeNamed } from '../api/runtimes.ts'
import type { Resources, RunSpec } from '../backend/backend.ts'
import type { Image } from '../images/images.ts'
import { cpuPeriodUs, type ExecRequest, type PrepareRequest } from './program.ts'

/** Fills `{entry}` and `{dir}` in a command line of a recipe. */
export function argvOf(template: readonly string[], entrypoint: string): string[] {
  // An interpreter would take it for an option.
  const entry = entrypoint.startsWith('-') ? `./${entrypoint}` : entrypoint
  const words: Record<string, string> = { '{entry}': entry, '{dir}': dirname(entry) }
  return template.map((word) => word.replaceAll(/\{(?:entry|dir)\}/g, (name) => words[name] ?? name))
}

/** The build step of a runtime that has one. */
export function buildOf(image: Image, spec: RunSpec): ExecRequest | undefined {
  if (!image.launch.build) return undefined
  return { argv: argvOf(image.launch.build, spec.entrypoint), ...common(image, spec), stdin: false }
}

/** The program itself. */
export function runOf(image: Image, spec: RunSpec): ExecRequest {
  return {
    argv: [...argvOf(image.launch.run, spec.entrypoint), ...spec.args],
    ...common(image, spec),
    stdin: spec.stdin !== undefined,
    ...(spec.input === undefined ? {} : { input: spec.input }),
  }
}

/** What warms a template of the image up, as the user, with nothing of anybody's and with all of the vm's memory, in MiB. */
export function warmOf(image: Image, memMib: number): ExecRequest | undefined {
  if (!image.launch.warm) return undefined
  const env = { ...baseEnv, ...image.launch.env }
  return { argv: image.launch.warm, env, ...allOf(memMib), stdin: false }
}

/** The shortest program of a runtime whose interpreter waits, an empty file, with all of the vm's memory, in MiB. */
export function shortestOf(image: Image, memMib: number): { file: string; request: ExecRequest } | undefined {
  const waiting = prepareOf(image)
  const file = runtimeNamed(image.name)?.mainFile
  if (!waiting || file === undefined) return undefined
  const { argv, env } = waiting
  return { file, request: { argv, env, ...allOf(memMib), stdin: false } }
}

const allOf = (memMib: number) => limits({ cpus: 1, memMib, timeoutMs: 60_000, diskMib: 64, pids: 256 })

/** The interpreter that waits in a template of the image: started as the usual program is, but for its memory. */
export function prepareOf(image: Image): PrepareRequest | undefined {
  const { wait, run, env } = image.launch
  const main = runtimeNamed(image.name)?.mainFile
  if (!wait || main === undefined) return undefined
  const { pids, cpu_quota_us } = allOf(0)
  return { argv: argvOf(run, main), env: { ...baseEnv, ...env }, pids, cpu_quota_us, wait }
}

function common(image: Image, spec: RunSpec) {
  return {
    env: { ...baseEnv, ...image.launch.env, ...spec.env, VULCAN_WORKLOAD_ID: spec.id },
    ...limits(spec.resources),
  }
}

const baseEnv = {
  HOME: '/home/vulcan',
  TMPDIR: '/tmp',
  USER: 'vulcan',
  LANG: 'C.UTF-8',
  PATH: '/usr/local/bin:/usr/bin:/bin',
}

function limits(resources: Resources) {
  return {
    memory_bytes: resources.memMib * (1 << 20),
    pids: resources.pids,
    cpu_quota_us: Math.max(1000, Math.round(resources.cpus * cpuPeriodUs)),
  }
}

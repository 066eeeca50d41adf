/** Runs the steps of a check, shows a line for each, and what a failed one said. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')

export interface Step {
  readonly name: string
  readonly argv: readonly [string, ...string[]]
  readonly cwd?: string
  /** What more must hold of the output; gives back what is wrong. */
  readonly judge?: (output: string) => string | undefined
}

export interface Outcome {
  readonly ok: boolean
  readonly output: string
}

/** Runs one step; never rejects. */
export async function runStep({ name, argv, cwd = root, judge }: Step): Promise<Outcome> {
  const begun = performance.now()
  const { code, output } = await spawned(argv, cwd)
  const complaint = code === 0 ? judge?.(output) : `exit status ${code}`
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${complaint === undefined ? 'ok    ' : 'FAILED'}  ${name.padEnd(12)} ${seconds.padStart(5)} s`)
  if (complaint !== undefined) console.log(`${output.trimEnd()}\n${name}: ${complaint}`)
  return { ok: complaint === undefined, output }
}

/** Runs steps with so many at a time, in order; true when all are well. */
export async function runSteps(steps: readonly Step[], atOnce: number): Promise<boolean> {
  const waiting = [...steps]
  const outcomes: Outcome[] = []
  const worker = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) outcomes.push(await runStep(step))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return outcomes.every((outcome) => outcome.ok)
}

function spawned(argv: readonly [string, ...string[]], cwd: string): Promise<{ code: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>()
  const child = spawn(argv[0], argv.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const take = (chunk: Buffer) => (output += chunk.toString())
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  child.once('error', (error) => resolve({ code: 127, output: error.message }))
  child.once('close', (code) => resolve({ code: code ?? 128, output }))
  return promise
}

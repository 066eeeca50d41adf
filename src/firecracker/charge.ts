/** What a run has taken, all of it: its build too, and where its guest does not say, what the host says of its vm. */
import type { Exit, Usage } from '../backend/backend.ts'
import { cpuMsOf } from './cgroup.ts'

/** A program's exit with what its build took: times and bytes together, of the memory whichever took more. */
export function withBuild({ usage: build }: Exit, exit: Exit): Exit {
  return build && exit.usage ? { ...exit, usage: sumOf(build, exit.usage) } : exit
}

function sumOf(build: Usage, program: Usage): Usage {
  return {
    cpuMs: build.cpuMs + program.cpuMs,
    peakMemMib: Math.max(build.peakMemMib, program.peakMemMib),
    throttledMs: build.throttledMs + program.throttledMs,
    diskWrittenBytes: build.diskWrittenBytes + program.diskWrittenBytes,
    netRxBytes: build.netRxBytes + program.netRxBytes,
    netTxBytes: build.netTxBytes + program.netTxBytes,
  }
}

/** A guest that is lost, or in other hands, would else cost its key nothing. Never rejects. `cgroup`: of its vm. */
export async function charged(exit: Exit, cgroup: string): Promise<Exit> {
  if (exit.usage) return exit
  const vmCpuMs = await cpuMsOf(cgroup).catch(() => undefined)
  return { ...exit, ...(vmCpuMs !== undefined && { vmCpuMs }) }
}

/** What schedulers in tests have in common. */
import type { SchedulerOptions } from './options.ts'

export const testSettings = {
  limits: {
    cpus: 8,
    memMib: 4096,
    timeoutS: 3600,
    diskMib: 2048,
    pids: 1024,
    outputBytes: 1 << 20,
    archiveBytes: 1 << 20,
  },
  capacity: { vms: 4, starting: 4, cpus: 64, memMib: 8192, diskMib: 1 << 20, overheadMib: 96 },
  retention: { count: 50, bytes: 1 << 30, ageMs: 1e9, requests: true },
} as const satisfies Partial<SchedulerOptions>

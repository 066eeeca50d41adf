/** What a workload has of each where its request names none; of memory its runtime decides (runtimes.ts). */
export const usualResources = { cpus: 1, timeout_s: 30, disk_mb: 512, pids: 256 } as const

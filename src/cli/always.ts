/**
 * What of Firecracker's checklist for production holds by how vms are made: nothing of the host can change it, so nothing is
 * looked at. deploy/README.md says it at more length, tests of the rooms hold it.
 */
export interface Always {
  readonly name: string
  readonly how: string
}

const points = {
  'seccomp filters': 'Firecracker’s own; no flag turns them off',
  'serial console': 'off, but for the second try of a boot that failed; 16 KiB of it are kept',
  logs: 'warnings of Firecracker alone, 16 KiB are kept; output is cut at limits.output_mb',
  watchdog: 'every step and program has a deadline, at which the vm’s cgroup is killed',
  jailer: 'no vm is made without it',
  users: 'each vm has a uid and gid of its own',
  disk: 'a file with a largest size for each vm, its traffic bounded by io.max',
  cgroups: 'bound each vm’s memory, cpu and processes, without swap',
  egress: 'metadata, link-local, private and the host’s addresses are refused',
  tenants: 'each run has a vm of its own',
  traffic: 'bytes, packets and connections of each vm are bounded',
}

export const always: readonly Always[] = Object.entries(points).map(([name, how]) => ({ name, how }))

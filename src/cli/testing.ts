/** For tests: hosts as doctor may find them. */
import type { HostFindings } from './hardening.ts'

/** A host as deploy/README.md wants it. */
export const hardened: HostFindings = {
  vms: 64,
  smt: 'forceoff',
  ksm: '0',
  swaps: [],
  vulnerabilities: {
    meltdown: 'Not affected',
    spectre_v2: 'Mitigation: Retpolines; IBPB',
    itlb_multihit: 'Not affected',
  },
  vendor: 'AuthenticAMD',
  microcode: '0xa0011d1',
  nxHugePages: 'never',
  minTimerUs: 500,
  nested: { module: 'kvm_amd', on: false },
  favorsDynamicChanges: true,
  consoleLevel: 1,
  kvmMode: 0o20660,
  overcommit: '0',
  ioUringDisabled: 2,
  openFiles: 65_536,
  openFilesOfAll: 1_000_000,
  connections: 262_144,
  neighbours: 4096,
  trusted: [],
}

/** All of it as it should not be, at its longest. */
export const careless: HostFindings = {
  vms: 4096,
  smt: 'on',
  ksm: '1',
  swaps: [{ name: '/dev/mapper/vg0-swap_1', kind: 'plain' }],
  vulnerabilities: {
    spec_rstack_overflow: 'Vulnerable: Safe RET, no microcode',
    spectre_v2: 'Mitigation: Retpolines; BHI: Vulnerable',
    itlb_multihit: 'KVM: Mitigation: VMX disabled',
    mmio_stale_data: 'Mitigation: Clear CPU buffers; SMT vulnerable',
  },
  vendor: 'GenuineIntel',
  microcode: '0x1',
  nxHugePages: 'N',
  minTimerUs: 200,
  nested: { module: 'kvm_intel', on: true },
  favorsDynamicChanges: false,
  consoleLevel: 7,
  kvmMode: 0o20666,
  overcommit: '1',
  ioUringDisabled: 0,
  openFiles: 1024,
  openFilesOfAll: 9000,
  connections: 8192,
  neighbours: 1024,
  trusted: [
    { path: '/srv/vulcan', what: 'writable' },
    { path: '/srv', what: 'noexec' },
  ],
}

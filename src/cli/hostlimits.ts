/** What the host has for so many vms, as rows of advice. Pure. */
import { unknown, type Advice, type State } from './advice.ts'
import type { HostFindings } from './hardening.ts'

export function limits(f: HostFindings) {
  // A vm takes pipes, sockets and files of its output; twice that for whoever follows it.
  const files = 1024 + 32 * f.vms
  const connections = Math.max(65_536, 1024 * f.vms)
  const neighbours = Math.max(1024, 4 * f.vms)
  return {
    'open files': openFiles(f, files),
    connections: {
      ...roomFor(connections, f.connections, 'not known yet: none is tracked'),
      why: `a full table cuts off everybody; ${f.vms} vms want ${connections}`,
      mend: `sysctl -w net.netfilter.nf_conntrack_max=${4 * connections}`,
    },
    neighbours: {
      ...roomFor(neighbours, f.neighbours),
      why: `one ARP table serves all vms; ${f.vms} want ${neighbours}`,
      mend: `sysctl -w net.ipv4.neigh.default.gc_thresh3=${4 * neighbours}`,
    },
  } as const satisfies Record<string, Advice>
}

function roomFor(wanted: number, found: number | undefined, otherwise?: string): State {
  return found === undefined ? unknown(otherwise) : { ok: found >= wanted, found: `room for ${found}` }
}

function openFiles({ vms, openFiles: each, openFilesOfAll: together }: HostFindings, files: number): Advice {
  const own = each !== undefined && each < files
  const all = together !== undefined && together < 4 * files
  const isKnown = own || all || (each !== undefined && together !== undefined)
  return {
    ...(isKnown
      ? { ok: !own && !all, found: `${each ?? 'not known'} each, ${together ?? 'not known'} together` }
      : unknown()),
    why: `${vms} vms want ${files} for the server, and several times that together`,
    mend: own ? `ulimit -n ${files}` : `sysctl -w fs.file-max=${16 * files}`,
  }
}

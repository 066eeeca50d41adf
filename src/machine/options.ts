/** What a machine is made of and how long its steps may take. */
import type { Share } from './qemu.ts'

/** The machine's address in QEMU's user network, where the forwarded port arrives; vms cannot reach it. */
export const machineAddress = '10.0.2.15'

/** The process that is the server in the machine. It writes `READY=1` and a line end to descriptor 3 when it listens. */
export interface ServerCommand {
  readonly argv: readonly string[]
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
}

export interface StartOptions {
  /** $VULCAN_HOME of the host. */
  readonly home: string
  /** Path of vulcan-machine on the host. */
  readonly tool: string
  /** A path or a name in PATH; 8.1 or newer. */
  readonly qemu: { readonly command: string; readonly version: string }
  readonly firmware?: string
  readonly kernel: string
  readonly initramfs: string
  readonly rootfs: string
  readonly memMib: number
  readonly cores: number
  readonly diskGib: number
  /** Folders of the host: `app` is seen at /opt/vulcan, `assets` and `images` in /var/lib/vulcan. All read-only. */
  readonly shares: readonly Share[]
  /** Without one the machine has no server, and `up` is all there is to wait for. */
  readonly server?: ServerCommand
  /** Port the server listens on in the machine. */
  readonly machinePort: number
  /** Port of 127.0.0.1 that leads there; 0 takes a free one. */
  readonly hostPort: number
  readonly restrict: boolean
  readonly timeouts?: Partial<Timeouts>
  readonly signal?: AbortSignal
}

/** Milliseconds. */
export interface Timeouts {
  /** Of each of the two tries to boot, until the machine's init is done. */
  readonly boot: number
  /** From then until the server listens. */
  readonly server: number
  readonly pingEvery: number
  /** Silence after which the machine counts as hanging and is started anew. */
  readonly pingAnswer: number
  /** Of an orderly power-off. */
  readonly stop: number
}

/** Generous: a loaded computer emulates slowly. */
export const standardTimeouts: Timeouts = {
  boot: 120_000,
  server: 120_000,
  pingEvery: 5000,
  pingAnswer: 45_000,
  stop: 20_000,
}

/** What the images room hands to those who run vms: files on this host, complete and checked. */

/** Files every vm needs. Paths are absolute; each file is owned by root and not writable by others. */
export interface Assets {
  readonly firecracker: string
  readonly firecrackerVersion: string
  readonly jailer: string
  /** Uncompressed ELF kernel. */
  readonly kernel: string
  readonly kernelVersion: string
  /** vulcan-guest as /init and the kernel's modules. */
  readonly initramfs: string
  /** Folder with the CNI plugins: bridge, host-local, loopback and the tap plugin. */
  readonly cniPlugins: string
  /** Type name (file name in cniPlugins) of the tap plugin: ours, or tc-redirect-tap where the settings say so. */
  readonly tapPlugin: string
  /** vulcan-spawner, which runs commands for the server. */
  readonly spawner: string
}

/** A runtime's root file system, with how programs are started in it. */
export interface Image {
  readonly name: string
  /** Sha256 over recipe and sources; part of the file's name. */
  readonly digest: string
  /** Read-only ext4. */
  readonly rootfs: string
  readonly launch: Launch
}

/** Command lines of a runtime. `{entry}` stands for the entry point, `{dir}` for its folder; args follow `run`. */
export interface Launch {
  /** Run before the program, with its own deadline; its failure is the program's failure. */
  readonly build?: readonly string[]
  readonly run: readonly string[]
  /** Run once in a vm before it becomes a template, to touch what every start touches; must leave nothing. */
  readonly warm?: readonly string[]
  /** Environment with which `run` waits for its program; absent where the runtime has nothing that could wait. */
  readonly wait?: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
}

/** assets.json with its types: every version and checksum that Vulcan pins, and where the files can be had. */
import json from './assets.json' with { type: 'json' }

/** Where files can be had; `folder` is the folder of the files in the package. */
export type Source =
  /** A folder below the package's root, filled by the launcher. */
  | { readonly kind: 'folder'; readonly folder: string }
  /** A wheel that says it is for that version of Python. */
  | {
      readonly kind: 'pypi'
      readonly package: string
      readonly version: string
      readonly python: string
      readonly folder: string
    }
  | { readonly kind: 'npm'; readonly package: string; readonly version: string; readonly folder: string }

export interface Pinned {
  readonly version: string
  /** Sha256 of each file, by its name. */
  readonly files: Readonly<Record<string, string>>
  /** Asked in this order. */
  readonly sources: readonly Source[]
}

/** An npm package taken whole. */
export interface PinnedNpm {
  readonly package: string
  readonly version: string
  /** Sha256 of the registry's tarball. */
  readonly sha256: string
}

/** A kernel of Debian: the newest that the meta package of that suite names. */
export interface KernelPin {
  readonly suite: string
  readonly package: string
  /** Modules wanted; what they depend on comes with them, what is built in is passed over. */
  readonly modules: readonly string[]
}

export interface Pins {
  readonly downloads: Readonly<Record<string, Pinned>> & { readonly firecracker: Pinned }
  readonly npmPackages: Readonly<Record<string, PinnedNpm>>
  readonly cni: { readonly version: string; readonly module: string; readonly packages: readonly string[] }
  readonly kernels: { readonly guest: KernelPin; readonly machine: KernelPin }
  readonly kernelSource: { readonly suite: string; readonly package: string }
  readonly qemu: {
    readonly minimum: string
    readonly package: string
    /** Releases whose own QEMU is too old, with the suite to take it from. */
    readonly suites: Readonly<Record<string, string>>
  }
}

export const pins = json as Pins

/** Everything a run needs on disk, made where it is missing, side by side. A second call costs milliseconds. */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ensureAssets, ensureProgram, type Overrides } from '../images/assets.ts'
import { ensureImage } from '../images/image.ts'
import { ensureHostPackages, hostTools } from '../images/host.ts'
import { ensureMachineAssets } from '../images/machine.ts'
import { currentFolders, type Workplace } from '../images/shelf.ts'
import { together } from '../base/together.ts'
import { kvmState } from '../machine/kvm.ts'
import { machineStatus } from '../machine/machine.ts'
import { forgetShares } from '../machine/shares.ts'
import type { Config } from '../config.ts'
import type { Context } from './context.ts'

export function workplaceOf({ config, root, terminal, signal }: Context): Workplace {
  return { home: config.home, root, progress: terminal, signal }
}

export function overridesOf(config: Config): Overrides {
  return {
    ...(config.firecracker && { firecracker: config.firecracker }),
    ...(config.jailer && { jailer: config.jailer }),
    ...(config.kernel && { kernel: config.kernel }),
    ...(config['plugins.tap'] && { tap: config['plugins.tap'] }),
  }
}

export type Place =
  | { readonly kind: 'host' }
  /** `reason`: why this host's own KVM is not used. */
  | { readonly kind: 'machine'; readonly reason: string }

/** Where vms can run: on this host, where KVM is usable or none is needed, else in the machine. */
export async function choosePlace(context: Context): Promise<Place> {
  const { config } = context
  if (config.backend === 'fake' || config.place === 'host') return { kind: 'host' }
  if (config.place === 'machine') return { kind: 'machine', reason: 'the setting place says so' }
  const state = await kvmState(() => ensureProgram(workplaceOf(context), 'machine'))
  return state.usable ? { kind: 'host' } : { kind: 'machine', reason: state.reason }
}

/** Makes the images of those runtimes; a machine that runs sees them from then on. */
export async function prepareImages(context: Context, runtimes: readonly string[]): Promise<void> {
  if (context.config.backend === 'fake') return
  const at = workplaceOf(context)
  const { home, signal } = at
  const before = await currentFolders(join(home, 'images'))
  await together(signal, ...runtimes.map((name) => (signal: AbortSignal) => ensureImage({ ...at, signal }, name)))
  if (isDeepStrictEqual(await currentFolders(join(home, 'images')), before)) return
  if ((await machineStatus({ home })).running) await forgetShares({ home, signal })
}

/** Makes all that a server at that place needs, and the images of those runtimes. */
export async function prepareAll(context: Context, place: Place, runtimes: readonly string[]): Promise<void> {
  if (context.config.backend === 'fake') return
  const at = workplaceOf(context)
  const overrides = overridesOf(context.config)
  await together(
    at.signal,
    (signal: AbortSignal) => ensureAssets({ ...at, signal, overrides }),
    (signal: AbortSignal) => prepareImages({ ...context, signal }, runtimes),
    async (signal: AbortSignal) => {
      if (place.kind === 'machine') await ensureMachineAssets({ ...at, signal })
      else await ensureHostPackages({ ...at, signal }, hostTools)
    },
  )
}

/** Which Firecracker Vulcan runs: the version is asked, not believed. */
import { VulcanError } from '../api/errors.ts'
import { run } from '../base/process.ts'

const minimum = [1, 12] as const
const refused: Readonly<Record<string, string>> = {
  '1.16.0': 'its vsock connections hang after a restore (mended in 1.16.2)',
  '1.16.1': 'its vsock connections hang (mended in 1.16.2)',
}

/** The version in the output of `firecracker --version` or `jailer --version`. */
export function parseVersion(output: string): string | undefined {
  return /^(?:Firecracker|Jailer) v(\d+\.\d+\.\d+\S*)/im.exec(output)?.[1]
}

/** Why Vulcan does not run that version, or undefined when it does. */
export function whyRefused(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const old = major < minimum[0] || (major === minimum[0] && minor < minimum[1])
  return old ? 'Vulcan needs 1.12 or newer (network overrides of a snapshot)' : refused[version]
}

/** Asks a firecracker or jailer binary for its version. Throws asset_refused when Vulcan does not run it. */
export async function checkVersion(path: string): Promise<string> {
  let output: string
  try {
    output = (await run([path, '--version'], { timeoutMs: 10_000 })).stdout
  } catch (cause) {
    throw new VulcanError('asset_refused', `${path} --version does not work: ${String(cause)}`, { step: 'version', cause }) // prettier-ignore
  }
  const version = parseVersion(output)
  const why = version === undefined ? 'it does not say which version it is' : whyRefused(version)
  if (version !== undefined && why === undefined) return version
  throw new VulcanError('asset_refused', `${path} ${version ?? ''} is refused: ${why}`, {
    step: 'version',
    hint: 'give another binary, or none to have the pinned one',
  })
}

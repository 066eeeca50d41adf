/** Named network namespaces, one for each vm: the name is the vm's id. */
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, isMissing, namesIn } from '../../base/files.ts'
import { spawnerItself } from '../../base/spawner.ts'
import type { Host } from './host.ts'

/** Where iproute2 keeps the names. */
const folder = '/var/run/netns'
const timeoutMs = 20_000

export const netnsPath = (name: string): string => join(folder, name)

/** Makes an empty namespace: loopback is down, nothing else is in it. */
export async function createNetns(host: Host, name: string, signal: AbortSignal): Promise<void> {
  await host.run([spawnerItself, 'netns', 'add', name], { timeoutMs, signal })
}

/** Type of the file system whose files are namespaces (NSFS_MAGIC). */
const nsfs = 0x6e736673

/** True while a namespace is behind the name. A server with mounts of its own that dies leaves the name alone. */
export async function hasNetns(name: string): Promise<boolean> {
  try {
    return (await statfs(netnsPath(name))).type === nsfs
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Removes the name, and with it the namespace once no process is in it; one that is not there is fine. */
export async function deleteNetns(host: Host, name: string): Promise<void> {
  if (!(await exists(netnsPath(name)))) return
  await host.run([spawnerItself, 'netns', 'delete', name], { timeoutMs })
}

/** Names of all namespaces that have one. */
export function listNetns(): Promise<string[]> {
  return namesIn(folder)
}

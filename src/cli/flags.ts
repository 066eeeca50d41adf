/** Fields of requests in the words of the command line: whoever typed a flag never saw the field. Pure. */

const flagOf: Readonly<Record<string, string>> = {
  '/runtime': '--runtime',
  '/isolation': '--isolation',
  '/entrypoint': '--entrypoint',
  '/code': 'the code',
  '/archive': 'the archive',
  '/args': 'an argument of the program',
  '/env': '--env',
  '/input': '--input',
  '/stdin': '--stdin',
  '/resources/cpus': '--cpus',
  '/resources/mem_mb': '--mem',
  '/resources/timeout_s': '--timeout',
  '/resources/disk_mb': '--disk',
  '/resources/pids': '--pids',
  '/network': '--network',
  '/network/mode': '--network',
  '/network/allow': '--allow',
  '/labels': '--label',
  '/priority': '--priority',
  '/idempotency_key': '--idempotency-key',
  '/querystring/status': '--status',
  '/querystring/runtime': '--runtime',
  '/querystring/label': '--label',
  '/querystring/limit': '--limit',
  '/querystring/cursor': '--cursor',
  '/name': 'the name',
  '/scopes': '--scope',
  '/expires_at': '--expires',
  '/quotas/running': '--running',
  '/quotas/queued': '--queued',
  '/quotas/cpu_seconds': '--cpu-seconds',
}

/** `words` as the server tells faults: `/a/b is wrong; /c is missing`. Fields that no flag stands for stay as they are. */
export function inFlags(words: string): string {
  return words.replaceAll(/(?<=^|; )\/\S+/g, (pointer) => flagOf[pointer] ?? partOf(pointer) ?? pointer)
}

/** A field of one that has a flag: a variable or a label by its name; of a list the flag is enough. */
function partOf(pointer: string): string | undefined {
  const at = pointer.lastIndexOf('/')
  const flag = flagOf[pointer.slice(0, at)]
  const name = pointer
    .slice(at + 1)
    .replaceAll('~1', '/')
    .replaceAll('~0', '~')
  return flag !== undefined && !/^\d+$/.test(name) ? `${flag} ${name}` : flag
}

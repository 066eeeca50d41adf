/** The same request for a terminal and for a program, to be copied. Pure. */
import { routes } from '../../src/api/routes.ts'
import type { WorkloadRequest } from '../../src/api/workload.ts'

export interface Asked {
  readonly request: WorkloadRequest
  /** Name of the archive that goes along, where there is one. */
  readonly archive: string | undefined
  /** Of the server. */
  readonly origin: string
}

export const snippetKinds = ['curl', 'CLI', 'TypeScript'] as const
export type SnippetKind = (typeof snippetKinds)[number]

export function snippetOf(kind: SnippetKind, asked: Asked): string {
  if (kind === 'curl') return curl(asked)
  return kind === 'CLI' ? commandLine(asked) : typeScript(asked)
}

/** A word as a POSIX shell reads it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

function curl({ request, archive, origin }: Asked): string {
  const key = '"Authorization: Bearer $(cat /var/lib/vulcan/key)"'
  const body = quoted(JSON.stringify(request))
  const what =
    archive === undefined
      ? [`-H 'Content-Type: application/json'`, `-d ${body}`]
      : [`-F spec=${body}`, `-F archive=@${quoted(archive)}`]
  return ['curl', `-H ${key}`, ...what, `${origin}${routes.workloads}`].join(' \\\n  ')
}

function commandLine({ request, archive }: Asked): string {
  const { resources = {}, network, env = {}, args = [], input, stdin } = request
  const { mode, allow = [] } = typeof network === 'object' ? network : { mode: network }
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name} ${quoted(String(value))}`]
  const words = [
    `vulcan run ${quoted(archive ?? request.entrypoint ?? '-')}`,
    ...flag('runtime', request.runtime),
    ...(archive === undefined ? [] : flag('entrypoint', request.entrypoint)),
    ...flag('isolation', request.isolation === 'auto' ? undefined : request.isolation),
    ...flag('cpus', resources.cpus),
    ...flag('mem', resources.mem_mb),
    ...flag('timeout', resources.timeout_s),
    ...flag('disk', resources.disk_mb),
    ...flag('pids', resources.pids),
    ...flag('network', mode),
    ...allow.flatMap((where) => flag('allow', where)),
    ...Object.entries(env).flatMap(([name, value]) => flag('env', `${name}=${value}`)),
    ...flag('input', input === undefined ? undefined : JSON.stringify(input)),
    ...(stdin === undefined ? [] : ['--stdin -']),
    ...(args.length > 0 ? [`-- ${args.map(quoted).join(' ')}`] : []),
  ]
  const before = stdin === undefined ? '' : `printf %s ${quoted(stdin)} | `
  return `${before}${words.join(' \\\n  ')}`
}

function typeScript({ request, archive, origin }: Asked): string {
  const json = JSON.stringify(request, null, 2)
  const head = `import { readFile } from 'node:fs/promises'

const key = (await readFile('/var/lib/vulcan/key', 'utf8')).trim()
const request = ${json}
`
  const body =
    archive === undefined
      ? `const body = JSON.stringify(request)
const headers = { authorization: \`Bearer \${key}\`, 'content-type': 'application/json' }
`
      : `const body = new FormData()
body.set('spec', JSON.stringify(request))
body.set('archive', new Blob([await readFile(${JSON.stringify(archive)})]))
const headers = { authorization: \`Bearer \${key}\` }
`
  return `${head}${body}
const response = await fetch('${origin}${routes.workloads}', { method: 'POST', headers, body })
console.log(await response.json())
`
}

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

/** Without what a shell that takes comments for commands would stumble over. */
const aboutKey = 'VULCAN_KEY holds a key: made by vulcan keys create, or the text of the file key in the server’s home'

function curl({ request, archive, origin }: Asked): string {
  const body = quoted(JSON.stringify(request))
  const what =
    archive === undefined
      ? [`-H 'Content-Type: application/json'`, `-d ${body}`]
      : // In any other field curl takes what follows a semicolon for its own.
        [`--form-string spec=${body}`, `-F ${quoted(`archive=@"${archive.replaceAll(/["\\]/g, String.raw`\$&`)}"`)}`]
  const key = '-H "Authorization: Bearer $VULCAN_KEY"'
  return `# ${aboutKey}\n${['curl', key, ...what, `${origin}${routes.workloads}`].join(' \\\n  ')}`
}

function commandLine({ request, archive }: Asked): string {
  const { code = '', stdin } = request
  const given = stdin === undefined ? '' : `printf %s ${quoted(stdin)} | `
  if (archive !== undefined) return `${given}${vulcanRun(quoted(archive), request)}`
  if (stdin === undefined) return `${vulcanRun('-', request)} ${heredoc(code)}`
  // Standard input is the program's: its code comes from a file.
  return `code=$(mktemp)\ncat > "$code" ${heredoc(code)}\n${given}${vulcanRun('"$code"', request)}`
}

/** Text as a shell's standard input; it ends with a line break there. */
function heredoc(text: string): string {
  const lines = new Set(text.split('\n'))
  let mark = 'END'
  while (lines.has(mark)) mark += '_'
  return `<<'${mark}'\n${text}${text.endsWith('\n') ? '' : '\n'}${mark}`
}

/** `source`: as the shell is to read it. */
function vulcanRun(source: string, request: WorkloadRequest): string {
  const { resources = {}, network, env = {}, labels = {}, args = [], input, isolation } = request
  const { mode, allow = [] } = typeof network === 'object' ? network : { mode: network }
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name} ${quoted(String(value))}`]
  const pairs = (name: string, values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap(([key, value]) => flag(name, `${key}=${value}`))
  return [
    `vulcan run ${source}`,
    ...flag('runtime', request.runtime),
    ...flag('entrypoint', request.entrypoint),
    ...flag('isolation', isolation === 'auto' ? undefined : isolation),
    ...flag('cpus', resources.cpus),
    ...flag('mem', resources.mem_mb),
    ...flag('timeout', resources.timeout_s),
    ...flag('disk', resources.disk_mb),
    ...flag('pids', resources.pids),
    ...flag('network', mode),
    ...allow.flatMap((where) => flag('allow', where)),
    ...pairs('env', env),
    ...pairs('label', labels),
    ...flag('priority', request.priority),
    ...flag('input', input === undefined ? undefined : JSON.stringify(input)),
    ...flag('stdin', request.stdin === undefined ? undefined : '-'),
    ...(args.length > 0 ? [`-- ${args.map(quoted).join(' ')}`] : []),
  ].join(' \\\n  ')
}

function typeScript({ request, archive, origin }: Asked): string {
  const reads = archive === undefined ? '' : `import { readFile } from 'node:fs/promises'\n\n`
  const head = `${reads}// ${aboutKey}
const authorization = \`Bearer \${process.env.VULCAN_KEY}\`
const request = ${JSON.stringify(request, null, 2)}
`
  const body =
    archive === undefined
      ? `const body = JSON.stringify(request)
const headers = { authorization, 'content-type': 'application/json' }
`
      : `const body = new FormData()
body.set('spec', JSON.stringify(request))
body.set('archive', new Blob([await readFile(${JSON.stringify(archive)})]))
const headers = { authorization }
`
  return `${head}${body}
const response = await fetch('${origin}${routes.workloads}', { method: 'POST', headers, body })
console.log(await response.json())
`
}

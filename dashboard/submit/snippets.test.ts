import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoted, snippetOf } from './snippets.ts'

const origin = 'http://127.0.0.1:7777'
const request = {
  runtime: 'python',
  code: `print("it's")\n`,
  entrypoint: 'main.py',
  args: ['a b', '$HOME'],
  env: { A: "x'y" },
  resources: { mem_mb: 64 },
  network: 'none' as const,
}

/** What a shell makes of it: each word of the command in a line. */
const words = (text: string): string[] =>
  execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }; vulcan() { printf '%s\\0' "$@"; }; ${text}`])
    .toString()
    .split(text.startsWith('curl') ? '\n' : '\0')

test('a shell reads quoted words as they are', () => {
  const hostile = `a'b"c$(echo evil)\`\\n`
  expect(execFileSync('sh', ['-c', `printf %s ${quoted(hostile)}`]).toString()).toBe(hostile)
})

test('curl sends the very request', () => {
  const text = snippetOf('curl', { request, archive: undefined, origin }).replace(/\$\(cat[^)]*\)/, 'KEY')
  const said = words(text)
  expect(JSON.parse(said[said.indexOf('-d') + 1] ?? '')).toEqual(request)
  expect(snippetOf('curl', { request, archive: 'my files.tar.gz', origin })).toContain("archive=@'my files.tar.gz'")
})

test('the command line has a flag for each field', () => {
  const said = words(snippetOf('CLI', { request, archive: undefined, origin }))
  const expected = ['run', 'main.py', '--runtime', 'python', '--mem', '64', '--network', 'none']
  expect(said.slice(0, -1)).toEqual([...expected, '--env', "A=x'y", '--', 'a b', '$HOME'])
})

test('TypeScript holds the request as a literal', () => {
  expect(snippetOf('TypeScript', { request, archive: undefined, origin })).toContain('"code": "print(\\"it\'s\\")\\n"')
  expect(snippetOf('TypeScript', { request, archive: 'a.zip', origin })).toContain('readFile("a.zip")')
})

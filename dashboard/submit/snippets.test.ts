import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { quoted, snippetOf } from './snippets.ts'

const origin = 'http://127.0.0.1:7777'
const request = { runtime: 'python', code: `print("it's")\n`, entrypoint: 'main.py', args: ['a; b'] }
const archive = undefined

test('a shell reads quoted words as they are', () => {
  const hostile = `a'b"c$(echo evil)\`\\n`
  expect(execFileSync('sh', ['-c', `printf %s ${quoted(hostile)}`]).toString()).toBe(hostile)
})

test('curl is kept from taking the request apart where an archive goes along', () => {
  const text = snippetOf('curl', { request, archive: 'a;b.zip', origin })
  expect(text).toContain(`--form-string spec='{"runtime"`)
  expect(text).toContain(`-F 'archive=@"a;b.zip"'`)
})

test('the code ends where no line of its own does', () => {
  const code = 'END\nprint(1)\nEND_\n'
  const text = snippetOf('CLI', { request: { ...request, code }, archive, origin })
  expect(text).toMatch(/<<'END__'\nEND\nprint\(1\)\nEND_\nEND__$/)
})

test('code goes to a file first where the program is given a standard input', () => {
  const text = snippetOf('CLI', { request: { ...request, stdin: 'x y' }, archive, origin })
  expect(text).toMatch(/^code=\$\(mktemp\)\ncat > "\$code" <<'END'\n/)
  expect(text).toContain(`printf %s 'x y' | vulcan run "$code"`)
  const packed = snippetOf('CLI', { request: { ...request, stdin: 'x y' }, archive: 'a.zip', origin })
  expect(packed).toMatch(/^printf %s 'x y' \| vulcan run a\.zip/)
})

test('TypeScript holds the request as a literal', () => {
  expect(snippetOf('TypeScript', { request, archive, origin })).toContain('"code": "print(\\"it\'s\\")\\n"')
  expect(snippetOf('TypeScript', { request, archive: 'a.zip', origin })).toContain('readFile("a.zip")')
})

test('the key is a variable of whoever copies it: a server may have its home anywhere', () => {
  for (const kind of ['curl', 'TypeScript'] as const) {
    const text = snippetOf(kind, { request, archive, origin })
    expect(text).toMatch(/VULCAN_KEY holds a key/)
    expect(text).not.toContain('/var/lib')
  }
})

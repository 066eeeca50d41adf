/** Criterion 5: Go, Node and Python programs run in microVMs with the root file system of their runtime. */
import { expect, test } from 'vitest'
import { archiveOf } from './archives.ts'
import { python, run } from './harness.ts'

test('Python 3.13 with its standard library, pip and CA certificates', async () => {
  const record = await python(`
import sys, ssl, sqlite3, json, subprocess
print(sys.version_info[:2], len(ssl.create_default_context().get_ca_certs()) > 50)
print(subprocess.run([sys.executable, '-m', 'pip', '--version'], capture_output=True, text=True).stdout.split()[0])`)
  expect(record.stdout, record.stderr).toBe('(3, 13) True\npip\n')
})

test('Node with ES modules, TypeScript, npm and a child process', async () => {
  const code = `
import { execFileSync } from 'node:child_process'
const major: number = Number(process.versions.node.split('.')[0])
console.log(major >= 24, execFileSync('npm', ['--version'], { encoding: 'utf8' }).trim().split('.').length)`
  const record = await run({ runtime: 'node', code, entrypoint: 'main.ts', network: 'none' })
  expect(record.stdout, record.stderr).toBe('true 3\n')
})

test('Node finds the main of package.json', async () => {
  const archive = await archiveOf({
    'package.json': '{"main":"src/start.js"}',
    'src/start.js': `console.log(require('./word'))`,
    'src/word.js': `module.exports = 'found'`,
  })
  expect((await run({ runtime: 'node', network: 'none' }, new Blob([archive]))).stdout).toBe('found\n')
})

test('Go compiles and runs a file; its exit code is the program’s own', async () => {
  const code = `package main
import ("fmt"; "os"; "net/http"; "encoding/json")
func main() { b, _ := json.Marshal(map[string]int{"status": http.StatusTeapot}); fmt.Println(string(b)); os.Exit(3) }`
  const record = await run({ runtime: 'go', code, network: 'none' })
  expect(record.stdout, record.stderr).toBe('{"status":418}\n')
  expect(record.exit).toMatchObject({ by: 'program', code: 3 })
  expect(record.run?.phases_ms['build']).toBeGreaterThan(0)
})

test('Go runs a module of several packages', async () => {
  const archive = await archiveOf({
    'go.mod': 'module example.com/app\n\ngo 1.24\n',
    'main.go': 'package main\n\nimport "example.com/app/word"\n\nfunc main() { println(word.Word) }\n',
    'word/word.go': 'package word\n\nconst Word = "module"\n',
  })
  expect((await run({ runtime: 'go', network: 'none' }, new Blob([archive]))).stderr).toBe('module\n')
})

test('Go source that does not compile is the program’s failure, with the compiler’s words', async () => {
  const record = await run({ runtime: 'go', code: 'package main\nfunc main() { undefined() }\n', network: 'none' })
  expect(record).toMatchObject({ status: 'failed', exit: { by: 'program', code: 1 } })
  expect(record.stderr).toContain('undefined: undefined')
})

test('programs run as an unprivileged user who can write where a user writes, and nowhere else', async () => {
  const record = await python(`
import os, tempfile
for path in ['/work/a', os.path.expanduser('~/a'), tempfile.gettempdir() + '/a', '/etc/a', '/usr/bin/a', '/a']:
    try: open(path, 'w').close(); print(path, 'yes')
    except OSError as e: print(path, e.strerror)
print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('NoNewPrivs', 'CapEff'))])
print(1 in [int(p) for p in os.listdir('/proc') if p.isdigit()])`)
  expect(record.stdout.split('\n')).toEqual([
    '/work/a yes',
    '/home/vulcan/a yes',
    '/tmp/a yes',
    '/etc/a Permission denied',
    '/usr/bin/a Permission denied',
    '/a Permission denied',
    "['0000000000000000', '1']",
    'False',
    '',
  ])
})

import { execFileSync } from 'node:child_process'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { archiveFrom, commonFolder, entrypointsIn, runtimeIn } from './archive.ts'
import { namesInTar, tarOf } from './tar.ts'
import { namesInZip } from './zip.ts'

const long = `${'folder/'.repeat(20)}ünï.py`
const bytes = (text: string) => new TextEncoder().encode(text)

test('tar reads back what is packed, long and foreign names too', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-tar-'))
  const parts = tarOf([
    { path: 'main.py', bytes: bytes('print(1)\n') },
    { path: long, bytes: bytes('x'.repeat(1000)) },
    { path: 'empty', bytes: bytes('') },
  ])
  const path = join(folder.path, 'a.tar')
  await writeFile(path, parts)
  const listed = execFileSync('tar', ['-tf', path, '--quoting-style=literal'], {
    env: { LC_ALL: 'C.UTF-8' },
  }).toString()
  expect(listed.trim().split('\n')).toEqual(['main.py', long, 'empty'])
  expect(execFileSync('tar', ['-xOf', path, 'main.py']).toString()).toBe('print(1)\n')
  expect(namesInTar(new Uint8Array(await new Blob(parts).arrayBuffer()))).toEqual(['main.py', long, 'empty'])
})

test('names in archives of other tools', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-tar-'))
  await writeFile(join(folder.path, 'a.py'), 'a')
  execFileSync('tar', ['-czf', 'a.tgz', '--transform', `s,^,${'d/'.repeat(70)},`, 'a.py'], { cwd: folder.path })
  const script =
    'import zipfile as z; f = z.ZipFile("a.zip", "w"); f.writestr("d/b.py", "b"); f.writestr("c/", ""); f.close()'
  execFileSync('python3', ['-c', script], { cwd: folder.path })
  const read = async (name: string) => {
    return archiveFrom([{ path: name, file: new Blob([await readFile(join(folder.path, name))]) }])
  }
  expect((await read('a.tgz')).paths).toEqual([`${'d/'.repeat(70)}a.py`])
  expect((await read('a.zip')).paths).toEqual(['d/b.py'])
  expect(() => namesInZip(bytes('no zip at all, but long enough'))).toThrow('no zip')
})

test('a folder becomes a tar.gz without its own name and without what is of no use', async () => {
  const file = (path: string) => ({ path, file: new Blob(['x']) })
  const archive = await archiveFrom([file('shop/main.py'), file('shop/lib/a.py'), file('shop/.git/HEAD')])
  expect(archive).toMatchObject({ name: 'shop.tar.gz', paths: ['lib/a.py', 'main.py'], leftOut: 1 })
  const tar = archive.blob.stream().pipeThrough(new DecompressionStream('gzip'))
  expect(namesInTar(new Uint8Array(await new Response(tar).arrayBuffer()))).toEqual(['lib/a.py', 'main.py'])
  await expect(archiveFrom([file('.git/HEAD')])).rejects.toThrow('no files')
  const tools = ['.venv/bin/python', 'lib/__pycache__/a.pyc', '.DS_Store', '.idea/x.xml', '.vscode/settings.json']
  const environment = ['tools/env3/pyvenv.cfg', 'tools/env3/bin/python']
  const program = ['main.py', 'node_modules/left-pad/index.js', 'tools/venv.py']
  const placed = [...tools, ...environment, ...program].map((path) => file(`shop/${path}`))
  expect(await archiveFrom(placed)).toMatchObject({ paths: program, leftOut: 7 })
  const whole = await archiveFrom([file('env3/pyvenv.cfg'), file('env3/main.py')])
  expect(whole.paths, 'an environment that is itself the folder').toEqual(['main.py', 'pyvenv.cfg'])
})

test('the folder that all lie in', () => {
  expect(commonFolder(['a/b/c', 'a/b/d'])).toBe('a/b/')
  expect(commonFolder(['a/b/c', 'a/x'])).toBe('a/')
  expect(commonFolder(['c', 'a/x'])).toBe('')
  expect(commonFolder([])).toBe('')
})

test('runtime and entry point are guessed from the names', () => {
  const paths = ['README.md', 'lib/util.py', 'app.py', 'main.py', 'x.js']
  expect(runtimeIn(paths)).toBe('python')
  expect(runtimeIn(['README.md'])).toBeUndefined()
  expect(entrypointsIn(paths, 'python')).toEqual(['main.py', 'app.py', 'lib/util.py'])
})

/** No key reaches a guest: neither its text nor its hash, wherever a program may look. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sha256 } from '../../src/base/files.ts'
import { python, server } from './harness.ts'

/**
 * Told only hashes of what to look for, or it would find itself. Prints which of them it found, and what of memory it could
 * open. Files are read up to a mebibyte each: a key is in no large one.
 */
const search = `
import hashlib, json, os, re, stat, sys
sought, found, opened = set(sys.argv[1:]), set(), []
sha256 = lambda data: hashlib.sha256(data).hexdigest()

def look(data):
    if b'vk_' in data:
        for key in re.findall(rb'(?=(vk_[A-Za-z0-9_-]{43}))', data): found.add(sha256(sha256(key).encode()))
    for digest in re.findall(rb'[0-9a-f]{64}', data): found.add(sha256(digest))

def read(path):
    try:
        with open(path, 'rb') as file: look(file.read(1 << 20))
    except OSError: pass

for name, value in os.environb.items(): look(name + b'=' + value)
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('environ', 'cmdline'): read(f'/proc/{pid}/{name}')
for folder, folders, files in os.walk('/'):
    if folder == '/': folders[:] = [name for name in folders if name not in ('proc', 'sys')]
    for name in files:
        path = os.path.join(folder, name)
        try:
            if stat.S_ISREG(os.lstat(path).st_mode): read(path)
        except OSError: pass
for path in ('/proc/kcore', '/proc/1/mem', '/proc/1/environ', '/dev/mem', '/dev/kmem', '/dev/port'):
    try: os.close(os.open(path, os.O_RDONLY)); opened.append(path)
    except OSError: pass
print(json.dumps({'found': sorted(found & sought), 'opened': opened}))
`

test('a program finds neither the key nor its hash, though it finds what is planted for it', async () => {
  const { key } = await server()
  const planted = () => `vk_${randomBytes(32).toString('base64url')}`
  const [inEnvironment, inFile] = [planted(), planted()]
  // Of a key this stands for its text and for its hash alike.
  const traceOf = (text: string) => sha256(sha256(text))
  const record = await python(`${search}\n# ${sha256(inFile)}\n`, {
    args: [key, inEnvironment, inFile].map(traceOf),
    env: { PLANTED: inEnvironment },
    resources: { timeout_s: 900 },
  })
  expect(record.exit, record.stderr).toMatchObject({ by: 'program', code: 0 })
  expect(JSON.parse(record.stdout)).toEqual({ found: [inEnvironment, inFile].map(traceOf).sort(), opened: [] })
})

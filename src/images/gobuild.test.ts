import { chmod, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../base/process.ts'

const script = join(import.meta.dirname, '../../images/go-build.sh')

test('go is handed files and folders, whatever their names begin with', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-go-build-'))
  const go = join(folder.path, 'go')
  await writeFile(go, '#!/bin/sh\necho "$@"\n')
  await chmod(go, 0o755)
  const built = async (entry: string) => {
    const env = { PATH: `${folder.path}:${process.env['PATH']}` }
    const { stdout } = await run(['sh', script, entry], { env })
    return stdout.trim().replace('-o /home/vulcan/.vulcan/main ', '')
  }
  expect(await built('-main.go')).toBe('build -C ./ ./-main.go')
  expect(await built('cmd/-app/-main.go')).toBe('build -C ./cmd/-app/ ./-main.go')
  expect(await built('-app')).toBe('build -C ./-app .')
})

import { expect, test } from 'vitest'
import type { RunSpec } from '../backend/backend.ts'
import type { Image } from '../images/images.ts'
import { buildOf, runOf } from './launch.ts'

const spec: RunSpec = {
  id: '01932c07-20e5-7c3f-9a53-5f0a1b2c3d4e',
  runtime: 'go',
  source: { kind: 'code', name: 'main.go', content: new Uint8Array() },
  entrypoint: 'cmd/app/main.go',
  args: ['{entry}', 'b c'],
  env: { LANG: 'de', PATH: '/mine' },
  resources: { cpus: 0.5, memMib: 256, timeoutMs: 1000, diskMib: 64, pids: 8 },
  network: { mode: 'none', allow: [] },
  outputLimitBytes: 1,
}
const image: Image = {
  name: 'go',
  digest: 'd',
  rootfs: '/r',
  launch: { build: ['go', 'build', '-o', '/x', './{dir}'], run: ['/x'], env: { GOCACHE: '/c' } },
}

test('a recipe’s words are filled in; the user’s own are left as they are', () => {
  expect(buildOf(image, spec)?.argv).toEqual(['go', 'build', '-o', '/x', './cmd/app'])
  expect(runOf(image, spec).argv).toEqual(['/x', '{entry}', 'b c'])
})

test('an entry point is a file, whatever it begins with or has in it', () => {
  const python = { ...image, launch: { run: ['python3', '{entry}'], env: {} } }
  const argvOf = (entrypoint: string) => runOf(python, { ...spec, entrypoint, args: ['-c'] }).argv
  expect(argvOf('-c.py')).toEqual(['python3', './-c.py', '-c'])
  expect(argvOf('-app/main.py')).toEqual(['python3', './-app/main.py', '-c'])
  expect(argvOf('main.py')).toEqual(['python3', 'main.py', '-c'])
  expect(argvOf('{dir}/a$&b.py')).toEqual(['python3', '{dir}/a$&b.py', '-c'])
  expect(buildOf(image, { ...spec, entrypoint: '-app/main.go' })?.argv.at(-1)).toBe('././-app')
})

test('the user’s environment comes over the image’s, and ours over all', () => {
  expect(runOf(image, spec).env).toMatchObject({
    GOCACHE: '/c',
    LANG: 'de',
    PATH: '/mine',
    HOME: '/home/vulcan',
    VULCAN_WORKLOAD_ID: spec.id,
  })
})

test('limits are in the units of the guest’s cgroup', () => {
  expect(runOf(image, spec)).toMatchObject({ memory_bytes: 256 * 2 ** 20, pids: 8, cpu_quota_us: 50_000 })
})

test('standard input is the user’s, or the input, or nothing', () => {
  expect(runOf(image, spec)).not.toHaveProperty('input')
  expect(runOf(image, { ...spec, input: '{}' })).toMatchObject({ stdin: false, input: '{}' })
  expect(runOf(image, { ...spec, stdin: new Uint8Array() }).stdin).toBe(true)
})

test('a runtime without a build step has none', () => {
  expect(buildOf({ ...image, launch: { run: ['python3', '{entry}'], env: {} } }, spec)).toBeUndefined()
})

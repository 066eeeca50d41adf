/** The runtime against plugins that write down what they were asked. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { run } from '../../base/process.ts'
import { CniRuntime } from './cni.ts'
import type { CniResult } from './conf.ts'
import type { Host } from './host.ts'
import { CniError } from './plugin.ts'

const list = { cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'first', knob: 7 }, { type: 'second' }] }
const attachment = { containerId: 'vm-1', netns: '/var/run/netns/vm-1', ifName: 'eth0', args: { NAME: 'tap0' } }
const signal = new AbortController().signal

/** A plugin writes its environment and its input into a file, then answers with what was set for it. */
const script = `#!/bin/sh
input=$(cat)
printf '{"type":"%s","command":"%s","id":"%s","netns":"%s","if":"%s","args":"%s","path":"%s","PATH":"%s","input":%s}\\n' \
  "\${0##*/}" "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_PATH" "$PATH" "$input" >> "\${0%/*}/log"
answer="$0.$CNI_COMMAND"
[ -f "$answer" ] && . "$answer"
[ "$CNI_COMMAND" = ADD ] && printf '{"cniVersion":"1.0.0","by":"%s"}' "\${0##*/}"
exit 0
`

interface Asked {
  type: string
  command: string
  args: string
  input: { prevResult?: CniResult; knob?: number; name: string; cniVersion: string }
  [key: string]: unknown
}

let folder: string
let runtime: CniRuntime
const direct: Host = {
  run,
  sysctl: () => Promise.reject(new Error('not for plugins')),
  resolve: () => Promise.reject(new Error('not for plugins')),
  addresses: () => [],
  listen: () => Promise.reject(new Error('not for plugins')),
}
const open = (host = direct, timeoutMs = 10_000) =>
  new CniRuntime({ list, path: ['/nowhere', folder], cache: join(folder, 'cache'), timeoutMs, host })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vulcan-cni-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const { type } of list.plugins) {
    await writeFile(join(folder, type), script)
    await chmod(join(folder, type), 0o755)
  }
  runtime = open()
})

const answer = (plugin: string, command: string, lines: string) =>
  writeFile(join(folder, `${plugin}.${command}`), lines)
const asked = async (): Promise<Asked[]> =>
  (await readFile(join(folder, 'log'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Asked)
const calls = async () => (await asked()).map(({ command, type }) => `${command} ${type}`)
const cacheFiles = () => readdir(join(folder, 'cache', 'results'))

test('ADD goes down the list, each plugin with the result before it; DEL goes up with the last one', async () => {
  expect(await runtime.add(attachment, signal)).toEqual({ cniVersion: '1.0.0', by: 'second' })
  await runtime.check(attachment, signal)
  await runtime.del({ ...attachment, args: {} })
  expect(await calls()).toEqual(['ADD first', 'ADD second', 'CHECK first', 'CHECK second', 'DEL second', 'DEL first'])
  const [first, second, ...rest] = await asked()
  expect(first).toMatchObject({
    id: 'vm-1',
    netns: '/var/run/netns/vm-1',
    if: 'eth0',
    args: 'IgnoreUnknown=1;NAME=tap0',
    path: `/nowhere:${folder}`,
    PATH: expect.stringContaining('/usr/sbin') as string,
    input: { type: 'first', knob: 7, name: 'net', cniVersion: '1.0.0' },
  })
  expect(first?.input.prevResult).toBeUndefined()
  expect(second?.input.prevResult).toEqual({ cniVersion: '1.0.0', by: 'first' })
  for (const { input, args } of rest) {
    expect(input.prevResult).toEqual({ cniVersion: '1.0.0', by: 'second' })
    expect(args).toBe('IgnoreUnknown=1;NAME=tap0')
  }
})

test('the result is kept for its owner only, and gone after DEL', async () => {
  await runtime.add(attachment, signal)
  expect(await cacheFiles()).toEqual(['net-vm-1-eth0'])
  expect((await stat(join(folder, 'cache', 'results', 'net-vm-1-eth0'))).mode & 0o777).toBe(0o600)
  expect(await runtime.attachments('eth0')).toEqual(['vm-1'])
  await runtime.del(attachment)
  expect(await cacheFiles()).toEqual([])
})

test('DEL twice, and DEL of what was never added, ask the plugins without a result', async () => {
  await runtime.del(attachment)
  await runtime.del(attachment)
  expect(await calls()).toEqual(['DEL second', 'DEL first', 'DEL second', 'DEL first'])
  expect((await asked()).every(({ input }) => input.prevResult === undefined)).toBe(true)
})

test('ADD twice is an error and leaves the first', async () => {
  await runtime.add(attachment, signal)
  await expect(runtime.add(attachment, signal)).rejects.toThrow('ADD twice without DEL')
  expect(await cacheFiles()).toHaveLength(1)
})

test('a failed ADD is followed by DEL of all; the error is the plugin’s own', async () => {
  await answer('second', 'ADD', `echo '{"cniVersion":"1.0.0","code":11,"msg":"no room","details":"at all"}'; exit 1`)
  const failed = await runtime.add(attachment, signal).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(CniError)
  expect(failed).toMatchObject({ plugin: 'second', command: 'ADD', code: 11, msg: 'no room', details: 'at all' })
  expect(await calls()).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first'])
  expect(await runtime.attachments('eth0')).toEqual([])
})

test('a failed DEL keeps no other plugin from its own; it stays on record, and the next one can mend it', async () => {
  await runtime.add(attachment, signal)
  await answer('second', 'DEL', `echo '{"code":999,"msg":"busy"}'; exit 1`)
  await expect(runtime.del(attachment)).rejects.toThrow('second DEL: busy')
  expect((await calls()).slice(2)).toEqual(['DEL second', 'DEL first'])
  expect(await runtime.attachments('eth0')).toEqual(['vm-1'])
  await rm(join(folder, 'second.DEL'))
  await runtime.del(attachment)
  expect(await runtime.attachments('eth0')).toEqual([])
})

test.each([
  ['dies without a word', 'kill -9 $$', 'was ended by SIGKILL'],
  ['fails in other words than JSON', 'echo boom >&2; exit 3', 'exited with 3: boom'],
  ['answers with nonsense', 'echo surprise; exit 0', 'the answer is no result: surprise'],
])('a plugin that %s is reported by name', async (_, lines, words) => {
  await answer('first', 'ADD', lines)
  await expect(runtime.add(attachment, signal)).rejects.toMatchObject({
    code: 999,
    plugin: 'first',
    message: expect.stringContaining(words) as string,
  })
})

test('a plugin that hangs is killed at its deadline; one that is aborted is undone', async () => {
  await answer('first', 'ADD', 'sleep 60')
  await expect(open(direct, 300).add(attachment, signal)).rejects.toThrow('took too long')
  const abort = new AbortController()
  const adding = runtime.add(attachment, abort.signal)
  abort.abort()
  await expect(adding).rejects.toThrow('aborted')
  expect((await calls()).filter((call) => call === 'DEL first')).toHaveLength(2)
})

test('a plugin that is not there is named with the folders', async () => {
  await rm(join(folder, 'first'))
  await expect(runtime.add(attachment, signal)).rejects.toThrow(`no such plugin in /nowhere:${folder}`)
})

test('a plugin whose file is being written is tried again', async () => {
  const busy = Object.assign(new Error('spawn ETXTBSY'), { code: 'ETXTBSY' })
  let tries = 0
  const host: Host = { ...direct, run: (...args) => (tries++ === 0 ? Promise.reject(busy) : run(...args)) }
  await open(host).add(attachment, signal)
  expect(tries).toBe(3)
})

test('there are never two operations on one container; different ones go on side by side', async () => {
  let [now, most, here, mostHere] = [0, 0, 0, 0]
  const host: Host = {
    ...direct,
    async run(argv, options) {
      const mine = options?.env?.['CNI_CONTAINERID'] === 'vm-1'
      most = Math.max(most, ++now)
      if (mine) mostHere = Math.max(mostHere, ++here)
      const done = await run(argv, options)
      now--
      if (mine) here--
      return done
    },
  }
  const side = open(host)
  const other = { ...attachment, containerId: 'vm-2' }
  await Promise.all([
    side.add(attachment, signal),
    side.del(attachment),
    side.add(attachment, signal),
    side.add(other, signal),
  ])
  expect(mostHere).toBe(1)
  expect(most).toBe(2)
})

/** Once before all system tests: everything is set up as a user's first command would, the machines are started and kept. */
import { execFile, spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Tail } from '../../src/base/tail.ts'
import { environment, homes, root } from './places.ts'

const [first = '', ...others] = homes

export async function setup(): Promise<void> {
  await say(['setup'], first)
  for (const home of others) await link(home)
  // One after another: each takes a port that is free.
  for (const home of homes) await say(['up'], home)
  await Promise.all(homes.map(makeTemplates))
}

/**
 * Under emulation a vm boots in ten times the time in which it goes on from a template, and a template that is made beside tests
 * takes minutes and holds them up. Of a class without a network one is made once it was used twice; the others are asked for.
 */
async function makeTemplates(home: string): Promise<void> {
  for (const _use of [1, 2]) await say(['run', '--network', 'none', join(root, 'examples/hello.py')], home)
  // Without one its vms boot; why is on our stderr then.
  await say(['templates', 'build'], home).catch(() => undefined)
}

export async function teardown(): Promise<void> {
  await Promise.all(homes.map((home) => say(['down'], home)))
  for (const home of others) await rm(home, { recursive: true })
}

/** What takes minutes to make is made once, also over what a run that was cut off has left: whoever replaces a file of it makes a new one. */
async function link(home: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  await promisify(execFile)('cp', ['-alf', join(first, 'assets'), join(first, 'images'), home])
}

function say(words: readonly string[], home: string): Promise<void> {
  const child = spawn(join(root, 'vulcan'), words, {
    cwd: root,
    env: { ...environment, VULCAN_HOME: home },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const stderr = new Tail(2000)
  child.stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    stderr.push(chunk)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`vulcan ${words.join(' ')} exited with ${code}:\n${stderr.text()}`)),
    )
  })
}

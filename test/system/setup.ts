/** Once before all system tests: everything is set up as a user's first command would, the machine is started and kept. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Tail } from '../../src/base/tail.ts'
import { environment, root } from './places.ts'

export async function setup(): Promise<void> {
  await say(['setup'])
  await say(['up'])
}

export async function teardown(): Promise<void> {
  await say(['down'])
}

function say(words: readonly string[]): Promise<void> {
  const child = spawn(join(root, 'vulcan'), words, {
    cwd: root,
    env: environment,
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

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { joinSettings } from '../config.ts'
import { serverCommand } from './machineserver.ts'

test('the server in the machine is started with the secret that the host knows; for the same one it goes on', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-machineserver-'))
  const loaded = joinSettings({ env: { VULCAN_HOME: folder.path }, flags: {}, readFile: () => undefined })
  const context = { loaded, config: loaded.config }
  const [one, other] = ['1'.repeat(64), '2'.repeat(64)]
  const command = await serverCommand(context, one)
  const inside = joinSettings({ env: command.env, flags: {}, readFile: () => undefined })
  expect(inside.config['server.secret']).toBe(one)
  expect(await serverCommand(context, one)).toEqual(command)
  expect(await serverCommand(context, other)).not.toEqual(command)
})

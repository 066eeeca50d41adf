/** The document of the API as the server emits it, and where it and what is made from it are kept. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testServer } from '../../src/server/testing.ts'
import { root } from '../steps.ts'

const folder = join(root, 'src', 'api', 'generated')

export const places = {
  document: join(folder, 'openapi.json'),
  client: join(folder, 'operations.ts'),
} as const

/** JSON with a line break at its end. */
export async function currentDocument(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  await using server = await testServer({ server: { version } })
  return `${JSON.stringify(server.app.swagger(), null, 2)}\n`
}

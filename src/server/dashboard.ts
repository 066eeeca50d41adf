/** The dashboard's files, as Vite built them: its page for every address that is no route, and what the page loads. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import files from '@fastify/static'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { pages } from '../api/routes.ts'
import type { FastifyTypeBox } from './app.ts'
import { NoQuery } from './query.ts'

/** In the built page, where the nonce of one answer goes. */
const placeholder = '__NONCE__'

/** Scripts are files of ours alone; styles that the page makes itself carry the nonce. Nothing from elsewhere. */
const policyOf = (nonce: string): string =>
  `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; ` +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** `folder`: Vite's output, files beside their `.br` and `.gz`. */
export async function dashboardRoutes(app: FastifyTypeBox, folder: string): Promise<void> {
  await app.register(files, {
    root: join(folder, 'assets'),
    serve: false,
    preCompressed: true,
    immutable: true,
    maxAge: '1y',
  })
  app.get(
    `${pages.assets}/:file`,
    {
      schema: { hide: true, params: Type.Object({ file: Type.String() }), querystring: NoQuery },
      config: { codes: ['not_found', 'invalid_request'] },
    },
    (request, reply) => {
      void reply.header('x-content-type-options', 'nosniff')
      return reply.sendFile(request.params.file)
    },
  )
  app.decorateReply('sendPage', async function sendPage(this: FastifyReply) {
    // Read each time: another build has other names in it, and a server may outlive several.
    const page = await readFile(join(folder, 'index.html'), 'utf8')
    const nonce = randomBytes(16).toString('base64')
    void this.headers({
      'content-security-policy': policyOf(nonce),
      'cache-control': 'no-cache',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    }).type('text/html; charset=utf-8')
    return page.replaceAll(placeholder, nonce)
  })
  // Whoever asks for it gets it, whatever it says that it takes: of other addresses only a browser is shown the page.
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.sendPage?.())
}

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with the dashboard's page; absent where it was not built. */
    sendPage?: () => Promise<string>
  }
}

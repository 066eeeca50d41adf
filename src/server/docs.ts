/** The document of the API, and a page that shows it without asking anybody outside: Swagger UI's files as they were installed. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Type } from 'typebox'
import { VulcanError } from '../api/errors.ts'
import { routes } from '../api/routes.ts'
import type { FastifyTypeBox } from './app.ts'
import { NoQuery } from './query.ts'

/** The files of the page that are somebody else's; its plugin would load fifty modules to send them. */
const files: Readonly<Record<string, { readonly type: string; readonly at: () => string }>> = {
  'swagger-ui.css': {
    type: 'text/css; charset=utf-8',
    at: () => import.meta.resolve('@fastify/swagger-ui/static/swagger-ui.css'),
  },
  'swagger-ui-bundle.js': {
    type: 'text/javascript; charset=utf-8',
    at: () => import.meta.resolve('@fastify/swagger-ui/static/swagger-ui-bundle.js'),
  },
}

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Vulcan API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${routes.docs}/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="${routes.docs}/swagger-ui-bundle.js"></script>
    <script src="${routes.docs}/start.js"></script>
  </body>
</html>
`

/** Nothing from elsewhere is loaded and nobody may frame it; the page's own styles and images are inline. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

export function documentRoutes(app: FastifyTypeBox): void {
  app.get(
    routes.openapi,
    {
      config: { scope: 'any', media: { type: 'application/json', description: 'this document' } },
      schema: { operationId: 'getDocument', summary: 'Describes every route', tags: ['state'], querystring: NoQuery },
    },
    () => app.swagger(),
  )
  const html = {
    config: { scope: 'any' as const, media: { type: 'text/html', description: 'a page' } },
    schema: { operationId: 'getDocs', summary: 'Shows this document', tags: ['state'], querystring: NoQuery },
  }
  app.get(routes.docs, html, (_request, reply) =>
    reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page),
  )
  const Name = Type.Object({ file: Type.String() })
  app.get(
    `${routes.docs}/:file`,
    { schema: { hide: true, params: Name, querystring: NoQuery }, config: { scope: 'any', codes: ['not_found'] } },
    async (request, reply) => {
      const { file } = request.params
      if (file === 'start.js') return reply.type('text/javascript; charset=utf-8').send(start(app.swagger()))
      const found = Object.hasOwn(files, file) ? files[file] : undefined
      if (!found) throw new VulcanError('not_found', `there is no ${file} in ${routes.docs}`)
      void reply.type(found.type).header('cache-control', 'private, max-age=86400')
      return reply.send(await readFile(fileURLToPath(found.at())))
    },
  )
}

/** The document goes along: the page's own requests would not carry what the browser was asked for here. */
const start = (document: object): string =>
  `SwaggerUIBundle({ dom_id: '#page', spec: ${JSON.stringify(document)}, deepLinking: true, validatorUrl: null })\n`

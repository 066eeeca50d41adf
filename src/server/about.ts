/** What the schemas of routes without a query have in common. */
import { NoQuery } from './query.ts'

/** Of the routes under one tag of the document. */
export const aboutIn = (tag: string) => (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: [tag],
  querystring: NoQuery,
})

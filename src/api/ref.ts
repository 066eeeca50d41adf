/** Named schemas: one definition each, referred to by name in the document of the API and in what is generated from it. */
import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'

/** A reference to a schema that has an `$id`; whoever compiles it must know that schema. */
export function ref<S extends TSchema & { readonly $id?: string }>(schema: S): TUnsafe<Static<S>> {
  if (schema.$id === undefined) throw new Error('a schema without an $id cannot be referred to')
  return Type.Unsafe<Static<S>>({ $ref: `${schema.$id}#` })
}

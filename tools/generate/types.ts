/** From the schemas of the document to TypeScript, as far as our schemas go. Pure. */

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
}

const simple: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
}

/** A declaration of a named schema. */
export function declarationOf(name: string, schema: Schema): string {
  const head = commentOf(schema.description, '')
  if (schema.properties) return `${head}export interface ${name} ${typeOf(schema, '')}\n`
  return `${head}export type ${name} = ${typeOf(schema, '')}\n`
}

/** The type of a schema; lines after its first begin with the indent. Throws on a schema that it does not know. */
export function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? ''
  if (schema.enum) return schema.enum.map((value) => literalOf(value)).join(' | ')
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, indent)).join(' | ')
  if (schema.type === 'array') return arrayOf(typeOf(schema.items ?? {}, indent))
  if (schema.type === 'object') return objectOf(schema, indent)
  if (schema.type === undefined) return 'unknown'
  const found = simple[schema.type]
  if (found === undefined) throw new Error(`the generator does not know the type ${schema.type}`)
  return schema.format === 'binary' ? 'Blob' : found
}

const literalOf = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value))
const arrayOf = (item: string): string => (item.includes(' | ') ? `(${item})[]` : `${item}[]`)

function objectOf({ properties, required = [], additionalProperties }: Schema, indent: string): string {
  if (!properties) {
    return `Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent) : 'unknown'}>`
  }
  const inner = `${indent}  `
  const lines = Object.entries(properties).map(([name, schema]) => {
    const key = /^\w+$/.test(name) ? name : `'${name}'`
    const mark = required.includes(name) ? '' : '?'
    return `${commentOf(schema.description, inner)}${inner}${key}${mark}: ${typeOf(schema, inner)}\n`
  })
  return `{\n${lines.join('')}${indent}}`
}

/** What is said of it, as a comment before it. */
export function commentOf(words: string | undefined, indent: string): string {
  return words === undefined ? '' : `${indent}/** ${words.replaceAll('\n', ' ').replaceAll('*/', '* /')} */\n`
}

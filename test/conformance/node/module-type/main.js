import { createRequire, isBuiltin } from 'node:module'
import value, { name } from './other.js'
import data from './data.json' with { type: 'json' }
import * as inner from '#inner'
import own from 'conformance/sub'
console.log(import.meta.url, import.meta.filename, import.meta.dirname, import.meta.main, import.meta.resolve('./x.js'))
console.log(value, name, data, inner, own, isBuiltin('fs'), typeof require, this, Object.keys(createRequire(import.meta.url).cache))
console.log(await Promise.resolve('top-level await'), new Error('x').stack)
try { await import('./missing.js') } catch (error) { console.log(error.code, error.message) }
throw new Error('from a module')

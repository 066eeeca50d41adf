let depth = 0
const dive = () => { depth += 1; dive() }
try { dive() } catch (error) { console.log(error.name, error.message, depth > 5000) }
console.log(require('util').inspect(process.stdout).length > 100, require('assert').strict !== undefined)
require('assert').deepStrictEqual({ a: 1 }, { a: 2 })

import { readFile } from 'node:fs/promises'
console.log((await readFile('main.js', 'utf8')).length, import.meta.filename)
await new Promise(() => {})

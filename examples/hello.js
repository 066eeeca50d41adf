import { release } from 'node:os'

console.log(`Hello from Node ${process.version}, in a kernel of my own: Linux ${release()}`)

/** Programs of Node cannot tell an interpreter that waited from a new one. */
import { testConformance } from './conformance.ts'

const starter =
  'process.exit(require("child_process").spawnSync(ARGV[0], ARGV.slice(1), { cwd: "native/guest/session", stdio: "inherit" }).status)'

testConformance({ runtime: 'node', name: 'ANode', main: 'main.js', starter })

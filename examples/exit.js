// vulcan run examples/exit.js -- 3; echo $?
//
// The exit status of the program is the exit status of the command.
const status = Number(process.argv[2] ?? 0)
console.error(`ending with ${status}`)
process.exit(status)

require('fs').writeFileSync('.env', 'FROM_FILE=yes\nNODE_NO_WARNINGS=1\n')
process.loadEnvFile()
console.log(process.env.FROM_FILE, process.env.NODE_NO_WARNINGS, require('util').parseEnv('A=1'))

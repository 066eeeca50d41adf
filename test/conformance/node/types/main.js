const { greet } = require('./typed.ts')
console.log(greet('you'), require('./lib').name, require.resolve('dependency'), require('dependency'), require('dependency/package.json').version)

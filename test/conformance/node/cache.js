const Module = require('module')
console.log(Object.keys(Module._cache), Object.keys(Module._pathCache), Module.globalPaths, Object.keys(Module._extensions))
console.log(Module.isBuiltin('fs'), Module._preloadModules.length, module.constructor === Module, Object.keys(require))

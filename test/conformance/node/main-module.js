console.log(require.main === module, __filename, __dirname, module.id, module.filename, module.parent, module.children, module.paths)
console.log(Object.keys(require.cache), module.loaded, this === module.exports, typeof exports, process.mainModule === module)

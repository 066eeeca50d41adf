console.log(process.versions, process.release, process.config.variables.node_shared, process.features, process.arch, process.platform)
console.log(process.allowedNodeEnvironmentFlags.size, process.debugPort, process.report.signal, process.permission, process.noDeprecation)
console.log(process.exitCode, process.throwDeprecation, process.traceDeprecation, process.sourceMapsEnabled, process.connected, process.channel)
console.log(Object.getOwnPropertyNames(process).sort().join(), Object.getOwnPropertyNames(globalThis).sort().join())

'use strict'
// Preloaded (NODE_OPTIONS) where VULCAN_WAIT says that the program comes later: what programs use is loaded ahead, then
// the agent is waited for (src/firecracker/PROTOCOL.md, "Interpreters that wait"). What comes after this in Node's start,
// the program's file above all, is Node's own; so only what was made before has to be put right. Workers of a program
// that waited preload this too, and have its beginning to take.
const { VULCAN_WAIT } = process.env
// What Workers are handed is asked for by its key alone: no program comes across it.
const { getEnvironmentData, setEnvironmentData } = require('worker_threads')
const begun = 'vulcan:begun'
if (VULCAN_WAIT) wait(...VULCAN_WAIT.split(',').map(Number))
takeTime(getEnvironmentData(begun))
forget()

/** Loads builtin modules, then becomes the program. */
function wait(control, offered) {
  const fs = require('fs')
  // Without those that do more than load, such as assert, which opens standard error.
  const ahead =
    'async_hooks buffer child_process crypto events fs/promises http https module net os path perf_hooks ' +
    'querystring readline stream stream/promises string_decoder timers timers/promises tls url util worker_threads zlib'
  for (const name of ahead.split(' ')) require(name)
  fs.writeSync(control, 'waiting\n')
  const order = hear(fs, control)
  // The agent starts another process when this one is gone.
  if (order === undefined) process.exit(0)
  takeEnvironment(order.env)
  takeInput(fs, order.offered ? `/proc/self/fd/${offered}` : order.stdin)
  fs.closeSync(offered)
  takeRandomness(fs)
  setEnvironmentData(begun, { waited: performance.now(), origin: Date.now() })
  // Once the agent has read this, the process is the program.
  fs.writeSync(control, 'taken\n')
  fs.closeSync(control)
}

/** The order; undefined when the agent has gone. */
function hear(fs, control) {
  const part = Buffer.alloc(65536)
  let line = ''
  while (!line.endsWith('\n')) {
    const bytes = fs.readSync(control, part)
    if (bytes === 0) return undefined
    line += part.latin1Slice(0, bytes)
  }
  return JSON.parse(Buffer.from(line, 'latin1').toString())
}

function takeEnvironment(pairs) {
  for (const name of Object.keys(process.env)) delete process.env[name]
  for (const [name, value] of pairs) process.env[name] = value
}

/** The lowest free descriptor is the one that is opened. */
function takeInput(fs, path) {
  if (path === undefined) return
  fs.closeSync(0)
  fs.openSync(path, 'r')
}

/**
 * Math.random is seeded at its first call: here, by the kernel. OpenSSL finds its seed out of date by now (PROTOCOL.md). The
 * contexts of node:vm are seeded by V8's own generator, which nothing seeds anew. To wrap what makes contexts would show in
 * the stacks of their errors: so each vm goes on elsewhere in the sequence, of which every symbol takes a number.
 */
function takeRandomness(fs) {
  const { setFlagsFromString } = require('v8')
  const kernel = fs.openSync('/dev/urandom')
  const seed = Buffer.alloc(6)
  fs.readSync(kernel, seed)
  fs.closeSync(kernel)
  setFlagsFromString(`--random-seed=${seed.readInt32LE() || 1}`)
  Math.random()
  setFlagsFromString('--random-seed=0')
  for (let taken = seed.readUInt16LE(4); taken > 0; taken -= 1) Symbol()
}

/**
 * Lets the process begin when its program came, as far as programs measure: `waited` ms after it was started, at `origin` by
 * the clock. Times are those of the process, whichever thread measures.
 */
function takeTime({ waited, origin }) {
  const { prototype } = Performance
  const redefine = (object, name, key, apply) => {
    const property = Object.getOwnPropertyDescriptor(object, name)
    Object.defineProperty(object, name, { ...property, [key]: new Proxy(property[key], { apply }) })
  }
  redefine(process, 'uptime', 'value', (uptime, self, args) => Reflect.apply(uptime, self, args) - waited / 1000)
  redefine(prototype, 'now', 'value', (now, self, args) => Reflect.apply(now, self, args) - waited)
  redefine(prototype, 'timeOrigin', 'get', (get, self, args) => Reflect.apply(get, self, args) && origin)
  redefine(prototype, 'toJSON', 'value', (toJSON, self, args) => ({
    ...Reflect.apply(toJSON, self, args),
    timeOrigin: origin,
  }))
  redefine(prototype, 'mark', 'value', (mark, self, args) => {
    const [name, options] = args
    const dated = [name, { ...options, startTime: options?.startTime ?? self.now() }]
    return Reflect.apply(mark, self, args.length > 0 ? dated : args)
  })
  redefine(prototype, 'measure', 'value', (measure, self, args) => {
    const [name, from, to] = args
    const options = from !== null && typeof from === 'object' ? from : { start: from }
    const ends = to !== undefined || options.end !== undefined || options.duration !== undefined
    return Reflect.apply(measure, self, ends ? args : [name, { ...options, end: self.now() }])
  })
}

/** Takes this file out of what programs can see of modules. */
function forget() {
  delete require.cache[__filename]
  const { _pathCache } = require('module')
  for (const key of Object.keys(_pathCache)) if (_pathCache[key] === __filename) delete _pathCache[key]
}

const wall = performance.timeOrigin + performance.now()
console.log(Math.abs(wall - Date.now()) < 30_000, performance.now() < 120_000, performance.now() > 0, process.uptime() < 120, process.uptime() > 0)
console.log(Math.abs(process.uptime() * 1000 - performance.now()) < 30_000, Math.abs(performance.toJSON().timeOrigin - performance.timeOrigin) < 1)
const first = performance.mark('first')
const second = performance.mark('second', { startTime: 0, detail: { a: 1 } })
console.log(first.name, first.detail, Math.abs(first.startTime - performance.now()) < 30_000, second.startTime, second.detail)
const spans = [performance.measure('a', 'second', 'first'), performance.measure('b', 'first'), performance.measure('c'), performance.measure('d', { start: 3, duration: 4, detail: 5 }), performance.measure('e', { start: 1, end: 4 }), performance.measure('f', { start: 'first' })]
console.log(spans.map(({ name, entryType, detail, duration }) => [name, entryType, detail, duration >= 0 && duration < 120_000]))
try { performance.measure('g', 'unknown') } catch (error) { console.log(error.name, error.message) }
try { performance.mark() } catch (error) { console.log(error.name, error.message) }
console.log(performance.getEntries().map(({ name }) => name).sort(), process.hrtime().length, typeof process.hrtime.bigint())

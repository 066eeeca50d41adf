for (let n = 0; n < 100_000; n += 1) console.log('line', n)
process.stderr.write('e'.repeat(3_000_000))

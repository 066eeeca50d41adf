/** npm run fuzz:frames: hostile bytes for the decoder of frames. `-- --seed N --cases N`; without a seed, one of today. */
import { parseArgs } from 'node:util'
import { fuzzFrames } from './fuzz/frames.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string', default: String(Date.now()) }, cases: { type: 'string', default: '1000000' } },
})
const [seed, cases] = [Number(values.seed), Number(values.cases)]
console.log(`seed ${seed}, ${cases} cases`)
const begun = performance.now()
const { frames, refused, cut } = fuzzFrames({ seed, cases })
const seconds = ((performance.now() - begun) / 1000).toFixed(1)
console.log(`as it should be, in ${seconds} s: ${frames} frames, ${refused} cases refused, ${cut} cut`)

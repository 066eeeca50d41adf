/** Upper bounds of histograms, in seconds. Finer where the usual values lie, coarse where only the order counts. */

/** A boot: milliseconds from a snapshot, 0.1 to 0.3 s on metal, seconds to tens of them under emulation. */
export const bootBuckets = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.3, 0.5],
  ...[1, 2.5, 5, 7.5, 10, 15, 20, 30, 60],
]

/** A round trip over vsock: tens of microseconds on metal, milliseconds under emulation. */
export const roundTripBuckets = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1]

/** A template: seconds on metal, a minute under emulation. */
export const templateBuckets = [0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300]

/** A phase: from an upload of a few bytes to the longest program. */
export const phaseBuckets = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
]

/** A whole workload, its wait included. */
export const workloadBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600]

/** An answer; those that wait for a workload's end take as long as that does. */
export const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/**
 * Rows that are taller together than a browser lets an element be: the element stays below that, and to scroll through it
 * is to go through all rows in proportion. Pure.
 */

export const rowPx = 20
/** Firefox draws nothing beyond about 17.9 million pixels, Chromium nothing beyond about 33.5. */
const mostPx = 15_000_000

/** How many rows there are, and the pixels of them that are in sight. */
interface Extent {
  readonly count: number
  readonly height: number
}

/** Pixels of the element that stands for so many rows. */
export const tallOf = (count: number): number => Math.min(count * rowPx, mostPx)

/** The pixel of all rows that is the first in sight where the element is scrolled to `top`. */
export const insideOf = (top: number, extent: Extent): number => top * stretchOf(extent)

/** Where to scroll the element to for that. */
export const topOf = (inside: number, extent: Extent): number => inside / stretchOf(extent)

/** Pixels of all rows that one of the element stands for: at the end of the one is the end of the other. */
function stretchOf({ count, height }: Extent): number {
  const whole = count * rowPx
  return whole > mostPx ? (whole - height) / (mostPx - height) : 1
}

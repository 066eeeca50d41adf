/** What tests make at random. */
import fc from 'fast-check'

const from = (min: number, max: number) => fc.integer({ min, max }).map((code) => String.fromCodePoint(code))

/**
 * Any character of Unicode, each length in UTF-8 as often. The library's own `binary` takes over a second to set up in
 * each process.
 */
export const anyCharacter = fc.oneof(
  from(0, 0x7f),
  from(0x80, 0x7ff),
  from(0x800, 0xd7ff),
  from(0xe000, 0xffff),
  from(0x10000, 0x10ffff),
)

/** Writing at a place of a file, whole or not at all. */
import type { FileHandle } from 'node:fs/promises'

/** Writes pieces at the end of a file, which is at that byte. Rejects with the file as it was. */
export async function writeWhole(file: FileHandle, pieces: readonly Uint8Array[], end: number): Promise<void> {
  const due = pieces.reduce((sum, piece) => sum + piece.length, 0)
  try {
    let { bytesWritten } = await file.writev(pieces, end)
    // A disk with room for a part takes that and says nothing; asked for the rest it says why.
    while (bytesWritten < due) {
      const rest = Buffer.concat(pieces).subarray(bytesWritten)
      bytesWritten += (await file.write(rest, 0, rest.length, end + bytesWritten)).bytesWritten
    }
  } catch (error) {
    // Something shorter may come to lie here later, and what is left behind it would be read with it.
    await file.truncate(end)
    throw error
  }
}

/** Escape sequences of terminals, as far as they colour text; all others are left out. Pure. */

/** How text looks; absent fields are the standard. A colour is 0 to 15 (of the theme) or a CSS colour. */
export interface Look {
  readonly fg?: number | string
  readonly bg?: number | string
  readonly bold?: true
  readonly dim?: true
  readonly italic?: true
  readonly underline?: true
  readonly inverse?: true
  readonly strike?: true
}

export interface Piece {
  readonly text: string
  readonly look: Look
}

export const plain: Look = {}

// CSI … final byte, OSC … BEL or ST, and two-character sequences; an unfinished one at the end too.
// oxlint-disable-next-line no-control-regex
const escapes = /\u001B(?:\[([0-9;:?<=>]*)[ -/]*([@-~])?|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[ -/]*[0-~]?)/g
// What a terminal would obey and nobody can read; tab stays.
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000B-\u001F\u007F]/g

/** The pieces of one line that begins in that look, and the look that it ends in. */
export function piecesOf(line: string, look: Look = plain): { readonly pieces: readonly Piece[]; readonly end: Look } {
  const shown = lastWritten(line)
  if (!shown.includes('\u001B')) return { pieces: shown === '' ? [] : [{ text: clean(shown), look }], end: look }
  const pieces: Piece[] = []
  let at = 0
  let now = look
  const add = (text: string) => {
    const readable = clean(text)
    if (readable !== '') pieces.push({ text: readable, look: now })
  }
  for (const match of shown.matchAll(escapes)) {
    add(shown.slice(at, match.index))
    at = match.index + match[0].length
    if (match[2] === 'm') now = painted(now, match[1] ?? '')
  }
  add(shown.slice(at))
  return { pieces, end: now }
}

/** The text without its looks, as search sees it and as wide as it is shown. */
export function textOf(line: string): string {
  const shown = lastWritten(line)
  return clean(shown.includes('\u001B') ? shown.replaceAll(escapes, '') : shown)
}

const clean = (text: string): string => text.replaceAll(controls, '').replaceAll('\t', '    ')

/** A carriage return begins the line anew, as progress bars do. */
function lastWritten(line: string): string {
  const end = line.endsWith('\r') ? line.length - 1 : line.length
  const back = line.lastIndexOf('\r', end - 1)
  return back < 0 && end === line.length ? line : line.slice(back + 1, end)
}

const flags: Readonly<Record<number, keyof Look>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  9: 'strike',
}
const offs: Readonly<Record<number, readonly (keyof Look)[]>> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  39: ['fg'],
  49: ['bg'],
}

/** The look after one SGR sequence with those parameters. */
function painted(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map(Number)
  let now: { -readonly [K in keyof Look]: Look[K] } = { ...look }
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0
    const flag = flags[code]
    if (code === 0) now = {}
    else if (flag) Object.assign(now, { [flag]: true })
    else if (offs[code]) for (const name of offs[code]) delete now[name]
    else if (code >= 30 && code <= 37) now.fg = code - 30
    else if (code >= 90 && code <= 97) now.fg = code - 90 + 8
    else if (code >= 40 && code <= 47) now.bg = code - 40
    else if (code >= 100 && code <= 107) now.bg = code - 100 + 8
    else if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(at + 1))
      if (colour !== undefined) now[code === 38 ? 'fg' : 'bg'] = colour
      at += used
    }
  }
  return now
}

/** `5;n` of 256 colours, or `2;r;g;b`. */
function extended([kind, a = 0, b = 0, c = 0]: readonly number[]): { colour?: number | string; used: number } {
  if (kind === 2) return { colour: `rgb(${a & 255} ${b & 255} ${c & 255})`, used: 4 }
  if (kind !== 5) return { used: 0 }
  if (a < 16) return { colour: a, used: 2 }
  if (a >= 232) return { colour: grey((a - 232) * 10 + 8), used: 2 }
  const level = (step: number) => (step === 0 ? 0 : step * 40 + 55)
  const cube = (a & 255) - 16
  const [red, green, blue] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level)
  return { colour: `rgb(${red} ${green} ${blue})`, used: 2 }
}

const grey = (level: number): string => `rgb(${level} ${level} ${level})`

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasEnded, statuses } from '../api/workload.ts'
import { Excerpt } from './excerpt.ts'
import { advance, statusOf, transitions } from './lifecycle.ts'
import { specOfText, textOfSpec } from './spec.ts'
import { cut } from './utf8.ts'

describe('pure parts', () => {
  test('only what the table allows can follow, and nothing follows an end', () => {
    for (const from of statuses) {
      expect(transitions[from].length === 0).toBe(hasEnded(from))
      for (const to of statuses) {
        if (transitions[from].includes(to)) expect(advance(from, to)).toBe(to)
        else expect(() => advance(from, to)).toThrow(/cannot go/)
      }
    }
    expect(statusOf({ by: 'program', code: 0 })).toBe('completed')
    expect(statusOf({ by: 'program', signal: 'SIGSEGV' })).toBe('failed')
    expect(statusOf({ by: 'killed', code: 0 })).toBe('killed')
  })

  test('a spec comes back from the store as it was, text or not', () => {
    const spec = {
      id: 'x',
      runtime: 'python',
      entrypoint: 'main.py',
      args: ['é'],
      env: { A: 'b' },
      resources: { cpus: 0.5, memMib: 64, timeoutMs: 1000, diskMib: 16, pids: 8 },
      network: { mode: 'none', allow: [] },
      outputLimitBytes: 10,
    } as const
    fc.assert(
      fc.property(fc.uint8Array(), fc.option(fc.uint8Array(), { nil: undefined }), (content, stdin) => {
        const source = { kind: 'code', name: 'main.py', content: Buffer.from(content) } as const
        const whole = { ...spec, source, ...(stdin && { stdin: Buffer.from(stdin) }) }
        expect(specOfText(textOfSpec(whole), { id: 'x', archivePath: '/a' })).toEqual(whole)
      }),
    )
    const archive = { kind: 'archive', format: 'tar', path: '/old/home', bytes: 3 } as const
    const back = specOfText(textOfSpec({ ...spec, source: archive }), { id: 'x', archivePath: '/new/home' })
    expect(back.source).toEqual({ ...archive, path: '/new/home' })
  })

  test('text is never cut inside a character, whatever comes in which pieces, and no byte is lost', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.array(fc.nat({ max: 9 })), (text, sizes) => {
        const bytes = Buffer.from(text)
        let rest: Uint8Array = new Uint8Array()
        const pieces: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = (sizes[i] ?? bytes.length) + 1
          const out = cut(Buffer.concat([rest, bytes.subarray(at, at + size)]), 7)
          pieces.push(...out.pieces.map((piece) => Buffer.from(piece)))
          rest = out.rest
          at += size
        }
        expect(pieces.map((piece) => piece.toString('utf8')).join('')).toBe(bytes.toString('utf8'))
        expect(Buffer.concat([...pieces, rest])).toEqual(bytes)
        expect(pieces.every((piece) => piece.length <= 7)).toBe(true)
      }),
    )
  })

  test('an excerpt holds all of a short stream, and both ends of a long one with the count between', () => {
    const short = new Excerpt(4)
    short.push(Buffer.from('1234'))
    short.push(Buffer.from('5678'))
    expect([short.text(), short.droppedBytes]).toEqual(['12345678', 0])
    short.push(Buffer.from('9'))
    expect([short.text(), short.droppedBytes]).toEqual(['1234\n[1 bytes are not shown]\n6789', 1])
    const split = new Excerpt(3)
    split.push(Buffer.from('aé€€é'))
    expect(split.text()).toBe('aé\n[5 bytes are not shown]\né')
    split.drop(10)
    expect(split.droppedBytes).toBe(15)
  })
})

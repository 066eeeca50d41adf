import { expect, test } from 'vitest'
import { allowed, isNamed, nameserversFor } from './allow.ts'

const gateway = '10.88.0.1'
const listed = (...allow: string[]) => ({ mode: 'internet', allow }) as const
const serversFor = (spec: Parameters<typeof allowed>[0], ...all: string[]) => nameserversFor(spec, { gateway, all })

test('a list is blocks and names, each once', () => {
  const spec = listed('A.example.', 'a.example', '192.0.2.0/24', '192.0.2.7', '*.B.example')
  expect(allowed(spec)).toEqual({ blocks: ['192.0.2.0/24'], names: ['a.example', '*.b.example'] })
  expect(allowed({ mode: 'internet', allow: [] })).toEqual({ blocks: [], names: [] })
})

test('a pattern is all below a name, at any depth, and not that name', () => {
  const names = ['a.example', '*.b.example']
  const is = (name: string) => isNamed(names, name)
  expect(['a.example', 'x.b.example', 'y.x.b.example'].map(is)).toEqual([true, true, true])
  expect(['x.a.example', 'b.example', '.b.example', 'xb.example', 'x.b.example.evil', ''].map(is)).not.toContain(true)
})

test('who has a list asks us; the host’s own name servers are asked without one, or where their addresses are on it', () => {
  expect(serversFor({ mode: 'internet', allow: [] }, '192.0.2.53')).toEqual(['192.0.2.53'])
  expect(serversFor({ mode: 'host', allow: [] }, '192.0.2.53')).toEqual([])
  expect(serversFor(listed('192.0.2.0/24'), '192.0.2.53', '198.51.100.53')).toEqual(['192.0.2.53'])
  expect(serversFor(listed('198.18.0.0/14', '192.0.2.1'), '192.0.2.53')).toEqual([gateway])
  expect(serversFor(listed('192.0.2.0/24', 'a.example'), '192.0.2.53')).toEqual([gateway])
  // A private one stays closed, whatever covers it.
  expect(serversFor(listed('0.0.0.0/1'), '10.0.2.3')).toEqual([gateway])
})

import { expect, test } from 'vitest'
import { deniedWords, denialRules, hintOf, type NetworkRecord } from './denial.ts'

type Entry = NetworkRecord['denied'][number]
const entry = (more: Partial<Entry> = {}): Entry => ({
  ...{ address: '10.1.2.3', port: 80, protocol: 'tcp', rule: 'private', count: 1 },
  ...{ first_at: '2026-01-02T03:04:05.000Z', hint: '' },
  ...more,
})

test('one line says all: what, by which rule, how often', () => {
  expect(deniedWords({ denied: [entry()], denied_others: 0 })).toBe('1 connection was refused: 10.1.2.3:80 (private)')
  const { port: _, ...ping } = entry({ protocol: 'icmp' })
  const denied = [
    entry({ address: '169.254.169.254', rule: 'metadata', count: 3 }),
    entry({ address: '192.0.2.1', port: 53, protocol: 'udp', rule: 'allow' }),
    ping,
  ]
  expect(deniedWords({ denied, denied_others: 0 })).toBe(
    '5 connections were refused: 169.254.169.254:80 (metadata, 3 times), 192.0.2.1:53/udp (allow), 10.1.2.3/icmp (private)',
  )
})

test('a name is told as it was asked for, with what it led to where that was the reason', () => {
  const { port: _, address: __, ...name } = entry({ host: 'other.example', protocol: 'dns', rule: 'allow' })
  const rebound = { ...name, host: 'inside.example', address: '10.1.2.3', rule: 'private' } as const
  expect(deniedWords({ denied: [name, rebound], denied_others: 0 })).toBe(
    '2 connections were refused: other.example (allow), inside.example at 10.1.2.3 (private)',
  )
  expect(hintOf(name)).toContain('--allow opens it')
  expect(hintOf(rebound)).toMatch(/^the name leads to an address that stays closed: private/)
})

test('the line stays short, however much was refused; nothing refused is nothing said', () => {
  const denied = Array.from({ length: 64 }, (_, port) => entry({ port: port + 1 }))
  const words = deniedWords({ denied, denied_others: 1000 })
  expect(words).toMatch(/^1064 connections were refused: .* and others$/)
  expect(words?.match(/private/g)).toHaveLength(5)
  expect(deniedWords(undefined)).toBeUndefined()
})

test('every rule has a hint; a name server that an allow list leaves out has its own', () => {
  for (const rule of denialRules) expect(hintOf({ rule, port: 80 })).toMatch(/\w/)
  expect(hintOf({ rule: 'allow', port: 53 })).not.toBe(hintOf({ rule: 'allow', port: 80 }))
})

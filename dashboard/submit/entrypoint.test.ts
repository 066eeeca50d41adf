import { expect, test } from 'vitest'
import { entryOf } from './entrypoint.ts'

test('of several files none of which has a usual name, one has to be chosen', () => {
  expect(entryOf({ paths: ['one.js', 'two.js'] }, 'node')).toBe('chosen')
  expect(entryOf({ paths: ['README.md', 'lib/util.py'] }, 'python')).toBe('chosen')
})

test('what all lies in is looked into, as the server does', () => {
  expect(entryOf({ paths: ['shop/lib/a.py', 'shop/main.py', 'shop/z.py'] }, 'python')).toEqual({ at: 'shop/main.py' })
})

test('what a page cannot look into is left to the server', () => {
  expect(entryOf({ paths: undefined }, 'python')).toBe('found')
  expect(entryOf({ paths: ['index.js', 'package.json'] }, 'node')).toBe('found')
  expect(entryOf({ paths: ['cmd/shop/main.go', 'stock/stock.go'] }, 'go')).toBe('found')
})

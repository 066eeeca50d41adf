import { expect, test } from 'vitest'
import { chooseMirror, sourceLines } from './debian.ts'

const targets = `
http://security.example/debian-security/ bookworm-security main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
https://packages.example/node nodistro main
`

test('the mirror is the one of the host’s own release, the security archive beside it', () => {
  expect(chooseMirror(targets, 'bookworm')).toEqual({
    main: 'http://mirror.example/debian/',
    security: 'http://security.example/debian-security/',
  })
})

test('a release may go by its other name, a mirror may have no security archive, and a CD is no mirror', () => {
  expect(chooseMirror('http://m/ stable main', 'trixie')).toEqual({ main: 'http://m/' })
  expect(chooseMirror('cdrom://x/ bookworm main\nhttp://m/ bookworm main', 'bookworm')).toEqual({ main: 'http://m/' })
  expect(chooseMirror('http://m/ noble main universe', 'bookworm')).toBeUndefined()
})

test('a suite brings its security updates; backports have none', () => {
  const mirror = { main: 'http://m/', security: 'http://s/' }
  const ends = sourceLines(mirror, ['bookworm', 'bookworm-backports']).map((line) => line.replace(/^deb \[.*?\] /, ''))
  expect(ends).toEqual([
    'http://m/ bookworm main',
    'http://s/ bookworm-security main',
    'http://m/ bookworm-backports main',
  ])
})

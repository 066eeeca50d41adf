import { expect, test } from 'vitest'
import { placesOf } from './places.ts'

test('everything lies in the machine’s folder', () => {
  const places = placesOf('/var/lib/vulcan')
  expect(places.dataDisk).toBe('/var/lib/vulcan/machine/data.raw')
  expect(places.control).toBe('/var/lib/vulcan/machine/control.sock')
  expect(places.exec).toHaveLength(4)
})

test('sockets of a home with a long path move to where they fit, each home’s to its own place', () => {
  const [one, other] = ['a', 'b'].map((name) => placesOf(`/home/${'long/'.repeat(25)}${name}`))
  for (const path of [one?.control ?? '', ...(one?.exec ?? [])]) expect(path.length).toBeLessThanOrEqual(107)
  expect(one?.control).toMatch(/^\/run\/vulcan\//)
  expect(one?.control).not.toBe(other?.control)
  expect(one?.dataDisk).toContain('/home/long/')
})

test('no path is both short enough for the folder and too long for a socket', () => {
  for (let length = 1; length < 120; length += 1) {
    const places = placesOf(`/${'h'.repeat(length)}`)
    for (const path of [places.control, ...places.exec]) expect(path.length).toBeLessThanOrEqual(107)
  }
})

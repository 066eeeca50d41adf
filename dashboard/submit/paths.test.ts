import { expect, test } from 'vitest'
import { folderOf, lastPart } from './paths.ts'

test('paths become folders in folders, in the order of names', () => {
  expect(folderOf(['z.py', 'b/y.py', 'b/c/x.py', 'a/w.py'])).toEqual({
    name: '',
    files: ['z.py'],
    folders: [
      { name: 'a', files: ['a/w.py'], folders: [] },
      { name: 'b', files: ['b/y.py'], folders: [{ name: 'b/c', files: ['b/c/x.py'], folders: [] }] },
    ],
  })
  expect(lastPart('b/c/x.py')).toBe('x.py')
})

/** The list where there is much of it: narrowed down, and gone back through. */
import type { Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import { handIn } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))
beforeEach(async () => {
  await page.goto(`${site.url}/workloads`)
})

const rows = () => page.locator('tbody tr')
const rowsCount = (count: number) => expect.poll(() => rows().count(), { timeout: 15_000 }).toBe(count)
const runtimes = async () => new Set(await rows().locator('td:nth-child(4)').allTextContents())

test('the list is narrowed down by label and runtime, and widened again', async () => {
  await handIn(page, { runtime: 'python', code: '# fake: print up', labels: { colour: 'red' } })
  await handIn(page, { runtime: 'node', code: '# fake: print up', labels: { colour: 'red' } })
  await handIn(page, { runtime: 'node', code: '# fake: print up', labels: { colour: 'blue' } })
  const label = page.getByRole('textbox', { name: 'Label' })
  await label.fill('colour')
  await label.press('Enter')
  // Half a label is none.
  expect(await label.getAttribute('aria-invalid')).toBe('true')
  await label.fill('colour=red')
  await label.press('Enter')
  await rowsCount(2)
  expect(new URL(page.url()).searchParams.get('label')).toBe('colour=red')
  await page.getByLabel('Runtime').selectOption('node')
  await rowsCount(1)
  expect(await runtimes()).toEqual(new Set(['node']))
  await page.getByLabel('Runtime').selectOption('go')
  await page.getByText('None of the workloads that are known fits').waitFor()
  await page.getByRole('button', { name: 'Clear' }).click()
  await rowsCount(3)
  expect(await label.inputValue()).toBe('')
  expect(new URL(page.url()).search).toBe('')
})

test('what is older than a page holds is on the next one, within the same filter', async () => {
  for (let count = 0; count < 51; count += 1) {
    await handIn(page, { runtime: 'python', code: '# fake: print up', labels: { of: 'many', number: String(count) } })
  }
  await page.goto(`${site.url}/workloads?label=of%3Dmany`)
  await rowsCount(50)
  await rows().first().getByText('number=50').waitFor()
  await page.getByRole('link', { name: 'Older ones' }).click()
  await rowsCount(1)
  await rows().getByText('number=0').waitFor()
  expect(await page.getByRole('link', { name: 'Older ones' }).count()).toBe(0)
  await page.getByRole('link', { name: 'To the newest' }).click()
  await rowsCount(50)
})

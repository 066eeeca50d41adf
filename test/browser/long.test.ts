/** Output of 52 MB in 820,000 lines: every one of them is reached, and the page answers meanwhile. */
import type { Locator, Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import { became, runCode, sees } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab), { acceptDownloads: true })
beforeEach(() =>
  page.addInitScript(`
    globalThis.longest = globalThis.longestEver = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        longest = Math.max(longest, duration)
        longestEver = Math.max(longestEver, duration)
      }
    }).observe({ type: 'longtask' })`),
)

const lines = 820_000
const line = (number: number) => String(number).padStart(63, '0')
const run = (...more: string[]) =>
  runCode(page, { url: site.url, code: [`# fake: count ${lines}`, ...more].join('\n'), timeoutS: 600 })
const output = () => page.getByRole('log', { name: 'Output' })

/**
 * Of the time that something takes, how long nothing else has a turn: whatever the host's speed, a page that freezes does
 * so for most of it.
 */
async function inTurns(what: string, act: () => Promise<void>): Promise<string> {
  await page.evaluate('longest = 0')
  const begun = performance.now()
  await act()
  const [longest, whole] = [await page.evaluate<number>('longest'), performance.now() - begun]
  const words = `${what}: the longest task of the page took ${longest} ms of ${Math.round(whole)}`
  expect(longest, words).toBeLessThan(whole / 2)
  return words
}

/** Waits until an element is within what the output shows; rows a little beyond are drawn too. */
async function inSight(what: Locator): Promise<void> {
  const isIn = () =>
    what.evaluate((element) => {
      const [inner, outer] = [element, element.closest('.output')!].map((each) => each.getBoundingClientRect())
      return inner!.top >= outer!.top && inner!.bottom <= outer!.bottom + 1
    })
  await expect.poll(isIn, { timeout: 10_000 }).toBe(true)
}

async function search(words: string): Promise<void> {
  await page.getByRole('searchbox', { name: 'Search the output' }).fill(words)
  await page.getByText('1 found').waitFor()
  await page.getByRole('button', { name: 'Next match' }).click()
  await inSight(page.locator('mark').first())
}

test('a long output stays quick: it is followed, searched, shown by stream and downloaded', async ({ annotate }) => {
  await run('# fake: error one word', '# fake: print the last line', '# fake: sleep 600000')
  const begun = performance.now()
  const followed = await inTurns('followed', async () => {
    await page.getByText('820,002 lines, 50 MiB').waitFor({ timeout: 60_000 })
    await sees(page, 'the last line')
  })
  await annotate(followed)
  const follow = page.getByRole('checkbox', { name: 'Follow' })
  expect(await follow.isChecked()).toBe(true)
  await inSight(output().getByText('the last line'))
  await output().press('Home')
  await inSight(output().getByText(line(1), { exact: true }))
  expect(await follow.isChecked()).toBe(false)
  await follow.check()
  await inSight(output().getByText('the last line'))
  await annotate(await inTurns('searched', () => search('0777777')))
  expect(await follow.isChecked()).toBe(false)
  expect(await page.locator('.row').count()).toBeLessThan(200)
  await page.getByText('stderr', { exact: true }).click()
  await expect.poll(() => page.locator('.row').count(), { timeout: 15_000 }).toBe(1)
  await inSight(output().getByText('one word'))
  await page.getByText('Both', { exact: true }).click()
  await inSight(output().getByText(line(1), { exact: true }))
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  await page.getByRole('button', { name: 'Kill it' }).click()
  await became(page, 'Killed because somebody asked')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download stdout' }).click()
  expect((await download).suggestedFilename()).toMatch(/stdout\.txt$/)
  // Of all of it together less than of any part alone.
  expect(await page.evaluate<number>('longestEver')).toBeLessThan((performance.now() - begun) / 4)
})

test('wrapped on a narrow screen, its rows are more than an element holds, and the last of them is reached', async ({
  annotate,
}) => {
  await run()
  await became(page, 'Completed')
  await page.getByText('820,000 lines, 50 MiB').waitFor({ timeout: 60_000 })
  await output().press('End')
  await inSight(output().getByText(line(lines), { exact: true }))
  const rows = page.locator('.row')
  const textInSight = async () => (await page.locator('.row-text').allTextContents()).join('')
  const narrowed = await inTurns('wrapped anew', async () => {
    await page.setViewportSize({ width: 320, height: 640 })
    // Until it is laid out anew, a line goes on in a single row.
    await expect.poll(() => output().getByText(line(lines), { exact: true }).count(), { timeout: 30_000 }).toBe(0)
    await output().press('End')
    await inSight(rows.last())
    await expect.poll(textInSight, { timeout: 10_000 }).toMatch(/820000$/)
  })
  await annotate(narrowed)
  await inSight(rows.last())
  await search('0777777')
  await page.getByRole('checkbox', { name: 'Wrap' }).uncheck()
  await output().press('End')
  await expect.poll(() => rows.last().textContent(), { timeout: 15_000 }).toBe(`820000${line(lines)}`)
  await inSight(rows.last().locator('.row-number'))
})

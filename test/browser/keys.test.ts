/** What a person does who has a keyboard and nothing else. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { focused, tabTo } from './keyboard.ts'
import { became, runCode, sees } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

test('the first Tab skips the head; then a run is killed, after a question that lets go again', async () => {
  await runCode(page, { url: site.url, code: '# fake: print up\n# fake: sleep 600000', timeoutS: 600 })
  await sees(page, 'up')
  await page.reload()
  await sees(page, 'up')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toMatch(/skip|content/i)
  await tabTo(page, /^Kill$/)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await expect.poll(() => focused(page)).toBe('Let it run')
  // The rest of the page is out of reach until there is an answer.
  const within: string[] = []
  for (const key of ['Tab', 'Tab', 'Shift+Tab']) {
    await page.keyboard.press(key)
    within.push(await focused(page))
  }
  expect(within).toEqual(['Kill it', 'Let it run', 'Kill it'])
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  // The focus comes back to where it was.
  await expect.poll(() => focused(page)).toBe('Kill')
  await page.keyboard.press('Enter')
  await expect.poll(() => focused(page)).toBe('Let it run')
  await tabTo(page, /^Kill it$/)
  await page.keyboard.press('Enter')
  await became(page, 'Killed because somebody asked')
})

test('output and code are scrolled, the inside is read, and the run is run again', async () => {
  const lines = Array.from({ length: 60 }, (_, at) => `# fake: print line ${at}`)
  await runCode(page, { url: site.url, code: lines.join('\n') })
  await became(page, 'Completed')
  await tabTo(page, /^Output$/)
  await page.keyboard.press('Home')
  await sees(page, 'line 0')
  await tabTo(page, /^Code, 60 lines$/)
  await page.keyboard.press('Enter')
  await tabTo(page, /^Code$/)
  await page.getByRole('region', { name: 'Code' }).getByText('print line 59').waitFor()
  await page.evaluate('document.activeElement.blur()')
  await tabTo(page, /^Look inside$/)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Inside this run' }).waitFor()
  await page.goBack()
  await tabTo(page, /^Run again$/)
  await page.keyboard.press('Enter')
  await page.locator('.cm-content').getByText('line 7', { exact: false }).first().waitFor()
})

test('the list is filtered, walked through and compared', async () => {
  await runCode(page, { url: site.url, code: '# fake: exit 3' })
  await became(page, 'The program failed with exit code 3')
  await runCode(page, { url: site.url, code: '# fake: exit 4' })
  await became(page, 'The program failed with exit code 4')
  await page.goto(`${site.url}/workloads`)
  await page.getByRole('row').nth(2).waitFor()
  await page.getByLabel('Status').focus()
  await page.keyboard.press('f')
  await page.keyboard.press('Enter')
  await page.waitForURL(/status=failed/)
  await tabTo(page, /^[0-9a-f]{8}$/)
  await page.keyboard.press('Space')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.evaluate('document.activeElement.blur()')
  await tabTo(page, /^Compare these two$/)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Two runs' }).waitFor()
})

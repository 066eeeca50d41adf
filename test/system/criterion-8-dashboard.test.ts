/** Criterion 8, by the dashboard: submit from the form in a browser, watch the output arrive, see the result. */
import { expect, test } from 'vitest'
import { became, runCode, sees } from '../browser/pages.ts'
import { launch } from '../browser/site.ts'
import { settled, vulcan } from './harness.ts'

const code = `
import json, os, platform, time
print('first', flush=True)
time.sleep(8)
print('last', flush=True)
json.dump({'kernel': platform.release()}, open(os.environ['VULCAN_RESULT'], 'w'))
`

/** Milliseconds: under emulation a boot takes tens of seconds. */
const patience = 240_000

test('a program goes in by the form, its output arrives while it runs, its result is shown, nothing is left', async () => {
  const link = (await vulcan(['open', '--print'])).stdout.trim()
  await using browser = await launch()
  const page = await browser.newPage()
  page.setDefaultTimeout(patience)
  await page.goto(link)
  await runCode(page, { url: new URL(link).origin, code, timeoutS: 180 })
  await sees(page, 'first')
  expect(await page.getByText('last', { exact: true }).count()).toBe(0)
  await became(page, 'Completed')
  await sees(page, 'last')
  await page.getByRole('region', { name: 'Result' }).getByText('kernel').waitFor()
  const phases = await page.locator('.phases .phase-name').allTextContents()
  expect(phases).toEqual(expect.arrayContaining(['queue', 'vm', 'jailer', 'upload', 'program', 'collect']))
  await page.goto(`${page.url()}/inside`)
  await page.getByRole('heading', { name: /Jailer/ }).waitFor()
  expect(await settled()).toEqual([])
})

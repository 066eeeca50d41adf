/** What a program says is shown as it is, wherever it is shown, and is never of the page. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { became, handIn, sees } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

/** Without a space, which would end a name. */
const image = `<img/src="x"/onerror="alert('image')">`
const script = `</script><script>alert('script')</script>`

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

test('markup in output, result, refusal, label, name and reason is text, and none of it is run', async () => {
  const dialogs: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  await page.goto(site.url)
  const said = [
    `print ${image}`,
    `error ${script}`,
    `deny allow dns ${image}`,
    `result ${JSON.stringify({ [image]: script })}`,
  ]
  const code = said.map((words) => `# fake: ${words}`).join('\n')
  const well = await handIn(page, { runtime: 'python', code, labels: { markup: image } })
  const unstarted = await handIn(page, { runtime: 'python', code: `# fake: fail ${image}` })
  await page.goto(`${site.url}/workloads/${well}`)
  await became(page, 'Completed')
  await sees(page, image)
  await sees(page, script)
  for (const name of ['Result', 'Isolation'])
    await page.getByRole('region', { name }).getByText(image).first().waitFor()
  await page.goto(`${site.url}/workloads/${unstarted}`)
  await page.getByText(image).first().waitFor()
  await page.goto(`${site.url}/workloads?label=${encodeURIComponent(`markup=${image}`)}`)
  await page.locator(`a[href$="${well}"]`).first().waitFor()
  expect(await page.locator('img[src="x"]').count()).toBe(0)
  expect(dialogs).toEqual([])
})

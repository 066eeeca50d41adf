/** The dashboard in a real browser, against a real server on the scripted backend. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { became, runCode, sees, submit, typeCode } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab), { acceptDownloads: true })

const run = (code: string, runtime?: string) =>
  runCode(page, { url: site.url, code, ...(runtime !== undefined && { runtime }) })

test('a program goes in by the form, its output comes while it runs, its result is a tree', async () => {
  await run('# fake: print first\n# fake: sleep 1500\n# fake: error careful\n# fake: result {"squares":[0,1,4]}')
  await sees(page, 'first')
  await became(page, 'Running')
  expect(await page.getByText('careful').count()).toBe(0)
  await became(page, 'Completed')
  await sees(page, 'careful')
  await page.getByRole('region', { name: 'Result' }).getByText('squares').waitFor()
  const phases = await page.locator('.phases .phase-name').allTextContents()
  expect(phases).toEqual(['queue', 'vm', 'program'])
})

test('input, arguments and environment reach the program, and JSON is judged as it is typed', async () => {
  await page.goto(site.url)
  await typeCode(page, '# fake: spec\n# fake: stdin')
  const input = page.getByRole('textbox', { name: 'Input', exact: true })
  await input.fill('{"n": ')
  await page.getByText(/This is not JSON/).waitFor()
  await input.fill('{"n": 1}')
  await page.getByRole('textbox', { name: 'Arguments' }).fill('a b')
  await page.getByRole('textbox', { name: 'Environment' }).fill('A=1')
  await submit(page)
  await sees(page, '{"args":["a b"],"env":{"A":"1"},"entrypoint":"main.py"}{"n":1}')
})

test('what the server refuses is told at the field it names', async () => {
  await page.goto(site.url)
  await page.getByRole('textbox', { name: 'Memory' }).fill('1000000')
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByText('It was not accepted').waitFor()
  const memory = page.getByRole('textbox', { name: 'Memory' })
  expect(await memory.getAttribute('aria-invalid')).toBe('true')
  await memory.fill('128')
  expect(await memory.getAttribute('aria-invalid')).not.toBe('true')
})

test('the theme is switched, and stays so', async () => {
  await page.goto(site.url)
  const theme = () => page.evaluate('document.documentElement.dataset.mantineColorScheme')
  await page.getByRole('button', { name: 'Use the dark theme' }).click()
  expect(await theme()).toBe('dark')
  await page.reload()
  await page.getByRole('button', { name: 'Use the light theme' }).click()
  expect(await theme()).toBe('light')
})

test('what the network refused is seen while the program runs, with the rule and what it means', async () => {
  const deny = (target: string) => `# fake: deny ${target}`
  const metadata = deny('metadata tcp 169.254.169.254 80')
  await run([metadata, metadata, deny('private udp 10.0.0.1 53'), '# fake: sleep 600000'].join('\n'))
  const card = page.getByRole('region', { name: 'Isolation' })
  await card.getByText('169.254.169.254:80').waitFor()
  expect(await card.locator('.refused li').allTextContents()).toEqual([
    '169.254.169.254:80 metadata ×\u00A02',
    '10.0.0.1:53/udp private',
  ])
  expect(await card.locator('.refused li').first().getAttribute('title')).toContain('metadata services')
})

test('a run is killed after a question, and only then', async () => {
  await run('# fake: print up\n# fake: sleep 600000')
  await sees(page, 'up')
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  await page.getByRole('button', { name: 'Let it run' }).click()
  await became(page, 'Running')
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  await page.getByRole('button', { name: 'Kill it' }).click()
  await became(page, 'Killed because somebody asked')
})

test('a lost vm and a program without memory are told in words', async () => {
  await run('# fake: print before\n# fake: vm_lost')
  await became(page, 'The microVM was lost')
  await sees(page, 'before')
  await run('// fake: oom', 'Node')
  await became(page, 'Killed: out of memory at 256 MB')
  await page.getByText('Raise mem_mb').waitFor()
})

test('a run is run again, from what it was', async () => {
  await run('# fake: print once more')
  await became(page, 'Completed')
  await page.getByRole('link', { name: 'Run again' }).click()
  await page.locator('.cm-content').getByText('once more').waitFor()
  await submit(page)
  await sees(page, 'once more')
})

test('the list filters by its address, walks by keys and compares two', async () => {
  await run('# fake: print left')
  await became(page, 'Completed')
  await run('# fake: print right\n# fake: exit 1')
  await became(page, 'The program failed with exit code 1')
  await page.goto(`${site.url}/workloads?status=failed`)
  await page.getByRole('row').nth(1).waitFor()
  expect(await page.getByLabel('Status').inputValue()).toBe('failed')
  expect(await page.locator('tbody .status').allTextContents()).not.toContain('completed')
  await page.getByLabel('Status').selectOption('')
  await page.waitForURL((url) => !url.searchParams.has('status'))
  await page.locator('.list-id').first().focus()
  await page.keyboard.press('Space')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.getByRole('link', { name: 'Compare these two' }).click()
  // Both programs and what they printed are other ones.
  for (const name of ['Code', 'stdout']) {
    await page.getByRole('region', { name, exact: true }).getByText('differs from line 1 on').waitFor()
  }
})

test('a long output stays quick: it is followed, searched, wrapped and downloaded', async ({ annotate }) => {
  await page.addInitScript(`
    globalThis.longest = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
    }).observe({ type: 'longtask' })`)
  // 52 MB in 820,000 lines.
  await run('# fake: count 820000')
  await page.evaluate('longest = 0')
  const begun = performance.now()
  await became(page, 'Completed')
  await page.getByText('820,000 lines, 50 MiB').waitFor({ timeout: 40_000 })
  await page
    .getByRole('textbox', { name: 'Search the output' })
    .or(page.getByLabel('Search the output'))
    .first()
    .fill('0777777')
  await page.getByText('1 found').waitFor()
  await page.getByRole('button', { name: 'Next match' }).click()
  await page.locator('mark').first().waitFor()
  expect(await page.locator('.row').count()).toBeLessThan(200)
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download stdout' }).click()
  expect((await download).suggestedFilename()).toMatch(/stdout\.txt$/)
  // Of all that time, how long nothing else had a turn: whatever the host's speed, a page that freezes does so for most of it.
  const [longest, whole] = [await page.evaluate<number>('longest'), performance.now() - begun]
  await annotate(`the longest task of the page took ${longest} ms of ${Math.round(whole)}`)
  expect(longest).toBeLessThan(whole / 4)
}, 120_000)

test('the page recovers when its server is started anew, and shows the whole output', async () => {
  await run('# fake: count 3000\n# fake: print before the end\n# fake: sleep 600000')
  await sees(page, 'before the end')
  await site.crash()
  await page.getByText('The server does not answer').waitFor()
  await site.start()
  await became(page, 'The microVM was lost')
  await page.getByText('The server does not answer').waitFor({ state: 'detached' })
  await page.getByText('3,001 lines').waitFor()
})

test('by the keyboard alone: from the address to the result', async () => {
  await page.goto(site.url)
  await page.locator('.cm-content').waitFor()
  const focused = () => page.evaluate('document.activeElement?.closest(".cm-content") != null')
  for (let step = 0; step < 15 && !(await focused()); step += 1) await page.keyboard.press('Tab')
  expect(await focused()).toBe(true)
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText('# fake: print by keys')
  // Once for what the editor may suggest, once to leave.
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  for (let step = 0; step < 3; step += 1) {
    await page.keyboard.press('Tab')
    if (await page.evaluate('document.activeElement?.textContent === "Run it"')) break
  }
  await page.keyboard.press('Enter')
  await sees(page, 'by keys')
})

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
  expect(phases).toEqual(['queue', 'vm', 'program', 'collect'])
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

test('more than the server allows is told at its field, and not sent', async () => {
  await page.goto(site.url)
  const memory = page.getByRole('textbox', { name: 'Memory' })
  const most = (
    await page
      .getByText(/^MiB, up to /)
      .first()
      .textContent()
  )?.replace('MiB, up to ', '')
  await memory.fill('1000000')
  await page.getByText(`From 16 to ${most}.`).waitFor()
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByText('Some fields need another look.').waitFor()
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
  const others = [deny('private udp 10.0.0.1 53'), deny('private tcp 10.0.0.2 80')]
  await run([metadata, metadata, ...others, '# fake: sleep 600000'].join('\n'))
  const card = page.getByRole('region', { name: 'Isolation' })
  await card.getByText('10.0.0.2:80').waitFor()
  // Those that are refused alike are told why together.
  expect(await card.locator('.refused li').allTextContents()).toEqual([
    expect.stringMatching(/^169\.254\.169\.254:80 metadata ×\u00A02the metadata services of clouds/),
    '10.0.0.1:53/udp private',
    expect.stringMatching(/^10\.0\.0\.2:80 private.*ranges are never reached/),
  ])
})

test('a network that refused nothing is said to have refused none, and of a run without one nothing is said', async () => {
  const placed = (mode: string) =>
    `# fake: facts ${JSON.stringify({ details: { kernel: '6.12', image: '01', uid: 7, cgroup: '/7', network: { mode } } })}`
  const facts = page.getByRole('region', { name: 'Isolation' }).locator('.facts > div')
  await run(placed('internet'))
  await became(page, 'Completed')
  expect(await facts.allTextContents()).toContain('Refusednone')
  await run(placed('none'))
  await became(page, 'Completed')
  expect((await facts.allTextContents()).join()).not.toContain('Refused')
})

test('what phases and facts are is told to who has no mouse', async () => {
  await run('# fake: print done')
  await became(page, 'Completed')
  for (const [name, words] of [
    ['Time line', 'It got a microVM of its own'],
    ['Isolation', 'until the guest said that it is ready'],
  ] as const) {
    const card = page.getByRole('region', { name })
    await card.getByText('What the words mean').press('Enter')
    await card.locator('.meanings').getByText(words).waitFor()
  }
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

/** Everything on every page is within reach of a keyboard, shows that it is reached, and is used from there. */
import type { FileChooser, Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import type { HostReport } from '../../src/api/doctor.ts'
import { archiveOf } from '../system/archives.ts'
import { focused, tabTo, walk } from './keyboard.ts'
import { became, handIn, runCode, sees } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

const lack = { ok: false, found: 'too few', why: 'it needs more', mend: 'mend it' }
const report: HostReport = {
  node: 'somewhere',
  judged_at: '2026-01-01T00:00:00Z',
  checks: [
    { ...lack, name: 'memory', required: true },
    { ...lack, name: 'swap', required: false },
  ],
}
beforeEach(async () => {
  await page.route('**/v1/doctor', (route) => route.fulfill({ json: report }))
})

const result = { list: Array.from({ length: 150 }, (_, at) => at), last: { of: { all: 1 } } }
const code = (word: string) => `# fake: print ${word}\n# fake: result ${JSON.stringify(result)}`

/** Has two programs and a folder run, and gives back their ids. */
async function runSome(): Promise<readonly [string, string, string]> {
  await page.goto(site.url)
  const packed = (await archiveOf({ 'main.py': '', 'lib/words.py': '' })).toString('base64')
  const run = (given: object) => handIn(page, { runtime: 'python', ...given }, '/v1/workloads')
  return [await run({ code: code('left') }), await run({ code: code('right') }), await run({ code_archive: packed })]
}

type AddressOf = (...ids: Awaited<ReturnType<typeof runSome>>) => string

/** Of each page its address, and what comes last on it. */
const pages: Readonly<Record<string, readonly [AddressOf, string]>> = {
  'the form': [() => '/', '.cm-content'],
  'the form with files': [(_a, _b, files) => `/?again=${files}`, '.tree'],
  'the list': [() => '/workloads', '.list-id'],
  'a workload': [(a) => `/workloads/${a}`, 'summary:has-text("Code, 2 lines")'],
  'its inside': [(a) => `/workloads/${a}/inside`, '.path'],
  'two runs': [(a, b) => `/compare?a=${a}&b=${b}`, '.excerpt >> nth=3'],
  'the system': [() => '/system', '.check-mend'],
}

test.each(Object.entries(pages))('%s is walked through by Tab, forth and back', async (_, [addressOf, last]) => {
  await page.goto(site.url + addressOf(...(await runSome())))
  await page.locator(last).first().waitFor()
  expect(await walk(page, 'Tab')).toEqual([])
  expect(await walk(page, 'Shift+Tab')).toEqual([])
})

test('code is typed with its tabs, and the editor left as the page says', async () => {
  await page.goto(site.url)
  await page.locator('.cm-content').waitFor()
  await page.getByText('Esc, then Tab leaves the editor.').waitFor()
  await tabTo(page, /^Python code$/)
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText('# fake: print typed')
  await page.keyboard.press('Home')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Python code')
  expect(await page.locator('.cm-content').textContent()).toBe('    # fake: print typed')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Run it')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Shift+Tab')
  expect(await focused(page)).toBe('Editor')
  await page.keyboard.press('ControlOrMeta+Enter')
  await sees(page, 'typed')
})

test('files are picked, looked through and sent, with all that is picked from', async () => {
  // Before anything is asked for: a browser that has to be told first may be told too late.
  const asked: FileChooser[] = []
  page.on('filechooser', (chooser) => asked.push(chooser))
  const choose = async (button: RegExp, key: string, files: readonly string[]) => {
    await tabTo(page, button)
    await page.keyboard.press(key)
    await expect.poll(() => asked.length).toBe(1)
    const payloads = files.map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`// ${name}`) }))
    await asked.pop()!.setFiles(payloads)
    await page.getByRole('group', { name: 'Files to send' }).getByText(files[0]!).waitFor()
  }
  await page.goto(site.url)
  await tabTo(page, /^Python$/)
  await page.keyboard.press('ArrowRight')
  expect(await focused(page)).toBe('Node')
  await tabTo(page, /^Editor$/)
  await page.keyboard.press('ArrowRight')
  await page.locator('.drop').waitFor()
  await choose(/^Drop files here/, 'Enter', ['none.txt'])
  await choose(/^Choose files or an archive$/, 'Space', ['one.js', 'two.js'])
  await tabTo(page, /^Entry point$/)
  for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key)
  expect(await page.getByLabel('Entry point').first().inputValue()).toBe('two.js')
  await tabTo(page, /^Isolation/)
  await page.keyboard.press('m')
  await tabTo(page, /^Network/)
  await page.keyboard.press('n')
  await tabTo(page, /^Run it$/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await sees(page, 'tar.gz two.js')
  await page.getByRole('region', { name: 'What was asked for' }).getByText('none', { exact: true }).waitFor()
})

test('a result is opened, closed and gone through', async () => {
  await runCode(page, { url: site.url, code: code('up') })
  await became(page, 'Completed')
  await tabTo(page, /^last: /)
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('of: {1}')
  await page.keyboard.press('Enter')
  await page.getByText('all: 1').waitFor()
  await page.keyboard.press('Space')
  await page.getByText('all: 1').waitFor({ state: 'detached' })
  await tabTo(page, /^50 more$/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.getByText('149: 149').waitFor()
  // The button is gone, and the way goes on from where it was.
  await page.keyboard.press('Tab')
  expect(await focused(page)).toMatch(/^last: /)
})

test('what the system lacks is read', async () => {
  await page.goto(`${site.url}/system`)
  await page.locator('.check-mend').first().waitFor()
  await tabTo(page, /^What mends memory$/)
  await tabTo(page, /^1 piece of advice/)
  await page.keyboard.press('Enter')
  await tabTo(page, /^What mends swap$/)
  await tabTo(page, /^API$/, 'Shift+Tab')
  expect(await page.evaluate('document.activeElement.pathname')).toBe('/docs')
})

/** Archives, files and folders that go in by the form, against a real server on the scripted backend. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { archiveOf } from '../system/archives.ts'
import { sees, submit } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

test('an archive is shown as a tree before it is sent', async () => {
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  const buffer = await archiveOf({ 'main.py': 'x', 'lib/words.py': 'y' })
  await page.getByTestId('files').setInputFiles({ name: 'shop.tar.gz', mimeType: 'application/gzip', buffer })
  const tree = page.getByRole('group', { name: 'Files to send' })
  await tree.getByText('words.py').waitFor()
  expect(await tree.getByRole('listitem').filter({ hasText: 'entry point' }).textContent()).toBe('main.pyentry point')
  await submit(page)
  await sees(page, 'tar.gz main.py')
})

/** Fills the form with what takes seconds to go. */
async function chooseLarge(): Promise<void> {
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  const buffer = await archiveOf({ 'main.py': randomBytes(6 << 20).toString('base64') })
  await page.getByTestId('files').setInputFiles({ name: 'large.tar.gz', mimeType: 'application/gzip', buffer })
  await page.getByRole('group', { name: 'Files to send' }).getByText('main.py').waitFor()
  const network = await page.context().newCDPSession(page)
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 2 << 20 }
  await network.send('Network.emulateNetworkConditions', slow)
}

const bar = () => page.getByRole('progressbar', { name: 'Upload' })
const share = async () => Number(await bar().getAttribute('aria-valuenow'))

test('how far an upload is can be seen while it goes', async () => {
  await chooseLarge()
  await page.getByRole('button', { name: 'Run it' }).click()
  await expect.poll(share).toBeGreaterThan(0)
  expect(await share()).toBeLessThan(100)
  await page.waitForURL(/\/workloads\/[0-9a-f-]{36}$/)
  await sees(page, 'tar.gz main.py')
})

test('an upload can be taken back, and is when its page is left', async () => {
  await chooseLarge()
  const begin = async () => {
    const failed = page.waitForEvent('requestfailed', (request) => request.method() === 'POST')
    await page.getByRole('button', { name: 'Run it' }).click()
    await expect.poll(share).toBeGreaterThan(0)
    return { failed }
  }
  const first = await begin()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await first.failed
  await bar().waitFor({ state: 'detached' })
  expect(await page.getByText('It was not accepted').count()).toBe(0)
  const second = await begin()
  await page.getByRole('link', { name: 'Workloads' }).first().click()
  await second.failed
  expect(new URL(page.url()).pathname).toBe('/workloads')
})

test('several files are packed in the browser, and one has to be chosen where none has a usual name', async () => {
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`// ${name}`) })
  await page.getByTestId('files').setInputFiles([file('one.js'), file('two.js')])
  const tree = page.getByRole('group', { name: 'Files to send' })
  await tree.getByText('two.js').waitFor()
  expect(await tree.getByText('entry point').count(), 'the server would take neither').toBe(0)
  await page.getByText('One has to be chosen').waitFor()
  const entry = page.getByRole('combobox', { name: 'Entry point' }).or(page.getByLabel('Entry point')).first()
  expect(await entry.getAttribute('aria-invalid')).not.toBe('true')
  await page.getByRole('button', { name: 'Run it' }).click()
  // Two candidates: the server asks which.
  await page.getByText('It was not accepted').waitFor()
  expect(await entry.getAttribute('aria-invalid')).toBe('true')
  await entry.fill('two.js')
  expect(await entry.getAttribute('aria-invalid')).not.toBe('true')
  expect(await tree.getByRole('listitem').filter({ hasText: 'entry point' }).textContent()).toBe('two.jsentry point')
  await submit(page)
  await sees(page, 'tar.gz two.js')
})

test('a folder is packed without its own name and without version control', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-folder-'))
  await mkdir(join(folder.path, '.git'))
  await mkdir(join(folder.path, 'lib'))
  for (const name of ['app.py', 'lib/words.py', '.git/HEAD']) await writeFile(join(folder.path, name), '# nothing')
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  await page.getByTestId('folder').setInputFiles(folder.path)
  await page.getByText('2 files (1 of version control and caches left out)').waitFor()
  await submit(page)
  await sees(page, 'tar.gz app.py')
})

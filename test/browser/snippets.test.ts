/** What is copied from the form, and what it needs beside it. */
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

const snippet = async (kind: string) => (await page.getByRole('region', { name: `As ${kind}` }).textContent()) ?? ''

test.each(['url', 'plainUrl'] as const)('what is copied can be pasted (%s)', async (address) => {
  await page.goto((await site.vulcan('open', '--print')).trim().replace(site.url, site[address]))
  const shown = await snippet('curl')
  expect(shown).toContain(site[address])
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Copied' }).waitFor()
  const field = page.getByRole('textbox', { name: 'Standard input' })
  await field.press('ControlOrMeta+v')
  expect(await field.inputValue()).toBe(shown)
})

test('what a browser does not let a page copy is selected, for the hand to do it', async () => {
  await page.addInitScript(`
    Object.defineProperty(navigator, 'clipboard', { value: undefined })
    document.execCommand = () => false
  `)
  await page.goto(site.url)
  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByRole('button', { name: 'Press Ctrl+C' }).waitFor()
  expect(await page.evaluate('String(getSelection())')).toBe(await snippet('curl'))
})

test('files that were packed in the browser are downloaded for the snippet that names them, which then runs', async () => {
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  await page.getByText('files.tar.gz stands for the files').waitFor()
  const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`# ${name}`) })
  await page.getByTestId('files').setInputFiles([file('main.py'), file('words.py')])
  const coming = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download it' }).click()
  const download = await coming
  await using folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-snippet-'))
  await download.saveAs(join(folder.path, download.suggestedFilename()))
  await page.getByText('TypeScript', { exact: true }).click()
  const VULCAN_KEY = (await site.vulcan('keys', 'create', 'snippet')).trim()
  const env = { PATH: process.env['PATH'], VULCAN_KEY }
  const words = ['--input-type=module', '--eval', await snippet('TypeScript')]
  expect(execFileSync(process.execPath, words, { cwd: folder.path, env }).toString()).toContain('tar.gz main.py')
})

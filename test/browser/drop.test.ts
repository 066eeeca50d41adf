/** What is dropped on the page from a file manager: files and folders of the disk, by events of the browser's own. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { drop, sees, submit } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

const zone = () => page.locator('.drop')
const tree = () => page.getByRole('group', { name: 'Files to send' })

/** A folder with those files; what ends with a slash is a folder. */
async function folderOf(...paths: string[]): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'vulcan-drop-'))
  for (const path of paths) {
    const whole = join(folder.path, path)
    await mkdir(path.endsWith('/') ? whole : dirname(whole), { recursive: true })
    if (!path.endsWith('/')) await writeFile(whole, `# ${path}`)
  }
  return folder
}

/** Names and contents of what the server keeps of a workload's files. */
async function sent(id: string): Promise<string[]> {
  const bytes = await page.evaluate(
    async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())],
    archive(id),
  )
  const tar = (...words: string[]) => execFileSync('tar', words, { input: Buffer.from(bytes) }).toString()
  return tar('-tz')
    .trim()
    .split('\n')
    .map((name) => `${name}: ${tar('-xzO', name)}`)
}
const archive = (id: string) => `/v1/workloads/${id}/archive`

// A browser reads a folder in one of two ways, and one of them only where a page came by a way that is safe.
test.each(['url', 'plainUrl'] as const)('a folder is shown as a tree, sent and run (%s)', async (address) => {
  await using folder = await folderOf(
    'shop/main.py',
    'shop/lib/words.py',
    'shop/lib/deep/er.py',
    'shop/.git/HEAD',
    'shop/none/',
  )
  await page.goto((await site.vulcan('open', '--print')).trim().replace(site.url, site[address]))
  // Somebody who sees the editor need not know where files go: the place shows as they come over the page.
  await drop(page, { paths: [join(folder.path, 'shop')], over: page.locator('.cm-content'), onto: zone() })
  await page.getByText('3 files (1 of version control and caches left out)').waitFor()
  expect(await tree().getByRole('listitem').allTextContents()).toEqual([
    ...['lib/deep/er.pywords.py', 'deep/er.py', 'er.py', 'words.py'],
    'main.pyentry point',
  ])
  const id = await submit(page)
  await sees(page, 'tar.gz main.py')
  expect(await sent(id)).toEqual([
    'lib/deep/er.py: # shop/lib/deep/er.py',
    'lib/words.py: # shop/lib/words.py',
    'main.py: # shop/main.py',
  ])
})

test('folders and files together keep their places', async () => {
  await using folder = await folderOf('main.go', 'go.mod', 'stock/stock.go')
  const paths = ['main.go', 'go.mod', 'stock'].map((name) => join(folder.path, name))
  await page.goto(site.url)
  await drop(page, { paths, over: page.locator('.cm-content'), onto: zone() })
  await tree().getByText('stock.go').waitFor()
  expect(await tree().getByRole('listitem').allTextContents()).toEqual([
    'stock/stock.go',
    'stock.go',
    'go.mod',
    'main.go',
  ])
  // Of Go's sources, and with the memory that its compiler needs.
  expect(await page.getByRole('textbox', { name: 'Memory' }).inputValue()).toBe('1024')
})

test('a folder with nothing in it is said to have nothing in it', async () => {
  await using folder = await folderOf('none/')
  await page.goto(site.url)
  await drop(page, { paths: [join(folder.path, 'none')], over: page.locator('.cm-content'), onto: zone() })
  await page.getByRole('alert').getByText('There are no files in it.').waitFor()
  expect(await tree().count()).toBe(0)
})

test('files that are let go beside their place do not take the page away', async () => {
  await using folder = await folderOf('main.py')
  await page.goto(site.url)
  const beside = page.getByRole('heading', { level: 1 })
  await page.locator('.cm-content').waitFor()
  await page.evaluate(`addEventListener('drop', (event) => { globalThis.isHeld = event.defaultPrevented })`)
  await drop(page, { paths: [join(folder.path, 'main.py')], over: beside, onto: beside })
  await expect.poll(() => page.evaluate('globalThis.isHeld')).toBe(true)
})

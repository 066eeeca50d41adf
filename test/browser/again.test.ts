/** Running a workload again from a browser that has never seen it, and comparing what two were asked for. */
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archiveOf } from '../system/archives.ts'
import { became, runCode, sees, submit } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
/** Where somebody else submits. */
let other: Page
eachInATab((tab) => ({ site, page } = tab))
beforeEach(async () => {
  other = await (await site.enter()).newPage()
})
afterEach(async () => other.context().close())

const field = (name: string) => page.getByRole('textbox', { name, exact: true })

test('code is run again with all that it was given, and with what the form has no field for', async () => {
  const request = {
    ...{ runtime: 'node', code: '// fake: spec\n// fake: stdin', entrypoint: 'main.mjs', args: ['a b'] },
    ...{
      env: { TOKEN: 'hush' },
      stdin: 'from before',
      resources: { timeout_s: 7, mem_mb: 128 },
      labels: { team: 'x' },
    },
    ...{ network: { mode: 'internet', allow: ['192.0.2.0/24'] }, priority: 3 },
  }
  await other.goto(site.url)
  const { id } = await other.evaluate(
    async (call) => (await fetch('/v1/workloads', call)).json() as Promise<{ id: string }>,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) },
  )
  await page.goto(`${site.url}/workloads/${id}`)
  const card = page.getByRole('region', { name: 'What was asked for' })
  await card.getByText('internet, only 192.0.2.0/24').waitFor()
  expect(await card.textContent()).toContain('TOKEN')
  expect(await card.textContent(), 'values of the environment are not shown').not.toContain('hush')
  await page.getByRole('link', { name: 'Run again' }).click()
  await page.getByText('Runs as main.mjs').waitFor()
  expect(await field('Environment').inputValue()).toBe('TOKEN=hush')
  expect(await field('Time').inputValue()).toBe('7')
  const again = await submit(page)
  await sees(page, '{"args":["a b"],"env":{"TOKEN":"hush"},"entrypoint":"main.mjs"}from before')
  expect(again).not.toBe(id)
  const kept = async (which: string) =>
    page.evaluate(async (url) => (await fetch(url)).json() as Promise<object>, `/v1/workloads/${which}/request`)
  expect(await kept(again)).toEqual(await kept(id))
})

test('an archive is run again: it comes from the server, and is shown as a tree', async () => {
  await other.goto(site.url)
  await other.getByText('Files', { exact: true }).click()
  const buffer = await archiveOf({ 'main.py': 'x', 'lib/words.py': 'y' })
  await other.getByTestId('files').setInputFiles({ name: 'shop.tar.gz', mimeType: 'application/gzip', buffer })
  await other.getByRole('group', { name: 'Files to send' }).getByText('words.py').waitFor()
  const id = await submit(other)
  await sees(other, 'tar.gz main.py')
  await page.goto(`${site.url}/workloads`)
  await page.getByRole('link', { name: `Run again: ${id.slice(-8)}` }).click()
  await page.getByRole('group', { name: 'Files to send' }).getByText('words.py').waitFor()
  await submit(page)
  await sees(page, 'tar.gz main.py')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download it' }).click()
  expect((await download).suggestedFilename()).toMatch(/\.tar\.gz$/)
})

test('where the server keeps nothing of it, the pages say so', async () => {
  const id = await runCode(other, { url: site.url, code: '# fake: print x' })
  const problem = { type: 'about:blank', title: 'no', status: 404, code: 'not_found', detail: 'it is not kept' }
  const refusal = { status: 404, contentType: 'application/problem+json', body: JSON.stringify(problem) }
  await page.route(`**/v1/workloads/${id}/request`, (route) => route.fulfill(refusal))
  await page.goto(`${site.url}/workloads/${id}`)
  await page.getByText('The server does not keep it, so it cannot be run again from here.').waitFor()
  expect(await page.getByRole('link', { name: 'Run again' }).count()).toBe(0)
  await page.goto(`${site.url}/?again=${id}`)
  await page.getByText('The server does not keep what was asked for.').waitFor()
})

test('whose it is not fills in what is withheld', async () => {
  const id = await runCode(other, { url: site.url, code: '# fake: spec' })
  await page.route(`**/v1/workloads/${id}/request`, async (route) => {
    const answer = await route.fetch()
    const { request, ...rest } = (await answer.json()) as { request: { code?: string } }
    const { code: _code, ...shown } = request
    await route.fulfill({
      response: answer,
      json: { ...rest, request: shown, env_names: ['A'], withheld: ['code', 'env'] },
    })
  })
  await page.goto(`${site.url}/?again=${id}`)
  await page.getByText(/Only the key that handed it in, or an admin, is told the code, the values/).waitFor()
  expect(await field('Environment').inputValue()).toBe('A=')
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByText('There is no code yet.').waitFor()
})

test('two runs are compared by what they were asked for, their code line by line', async () => {
  const a = await runCode(other, { url: site.url, code: '# fake: print same\n# fake: print left', timeoutS: 30 })
  await became(other, 'Completed')
  const b = await runCode(other, { url: site.url, code: '# fake: print same\n# fake: print right', timeoutS: 60 })
  await became(other, 'Completed')
  await page.goto(`${site.url}/compare?a=${a}&b=${b}`)
  const asked = page.getByRole('region', { name: 'What was asked for' })
  await asked.getByText('60 s').waitFor()
  expect(await asked.locator('tr[data-differs] th').allTextContents()).toEqual(['Time limit'])
  await page.getByRole('region', { name: 'Code', exact: true }).getByText('differs from line 2 on').waitFor()
})

/** What the form says before a run and when one is refused, each at its place. */
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { submit } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let page: Page
eachInATab((tab) => ({ site, page } = tab))

const run = () => page.getByRole('button', { name: 'Run it' }).click()

test('what the server says of an allowed name stands at that field, until it is mended', async () => {
  await page.goto(site.url)
  const allowed = page.getByRole('textbox', { name: 'Only these may be reached' })
  await allowed.fill('not a name!')
  await run()
  await page.getByText('It was not accepted').waitFor()
  expect(await allowed.getAttribute('aria-invalid')).toBe('true')
  const said = await allowed.getAttribute('aria-describedby')
  expect(await page.locator(`[id="${said?.split(' ').find((id) => id.endsWith('error'))}"]`).textContent()).toContain(
    'not a name!',
  )
  await allowed.fill('192.0.2.0/24')
  expect(await allowed.getAttribute('aria-invalid')).not.toBe('true')
  await submit(page)
})

test('what the server says of the runtime and of the code’s name is shown with the program', async () => {
  const errors = [
    { path: '/runtime', message: 'there is no such runtime here' },
    { path: '/entrypoint', message: 'this name is too long' },
  ]
  const problem = { type: 'about:blank', title: 'no', status: 422, code: 'invalid_field', detail: 'two fields', errors }
  const refusal = { status: 422, contentType: 'application/problem+json', body: JSON.stringify(problem) }
  await page.route('**/v1/workloads/async', (route) => route.fulfill(refusal))
  await page.goto(site.url)
  await run()
  const program = page.getByRole('region', { name: 'Program' })
  await program.getByText(errors[0]!.message).waitFor()
  expect(await program.getByText(errors[1]!.message).count()).toBe(1)
  await program.getByText('Node', { exact: true }).click()
  await program.getByText(errors[0]!.message).waitFor({ state: 'detached' })
})

test('an isolation mode that is there but not now says why, another that nobody has it', async () => {
  await page.route('**/v1/backends', async (route) => {
    const answer = await route.fetch()
    const { backends } = (await answer.json()) as { backends: object[] }
    const other = { name: 'other', online: false, reason: '/dev/kvm is not there', isolation: ['isolate'] }
    await route.fulfill({ response: answer, json: { backends: [...backends, { ...backends[0], ...other }] } })
  })
  await page.goto(site.url)
  const modes = page.getByRole('combobox', { name: 'Isolation' }).locator('option')
  await modes.filter({ hasText: '/dev/kvm' }).waitFor({ state: 'attached' })
  expect(await modes.allTextContents()).toEqual([
    'auto: the strongest there is',
    'microvm: a vm of its own',
    'isolate: /dev/kvm is not there',
    'gvisor: no backend here offers it',
  ])
  expect(await modes.nth(2).isDisabled()).toBe(true)
})

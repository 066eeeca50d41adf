/** Lists that change by themselves: told of by the stream of events, whatever becomes of it. */
import type { BrowserContext, Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import { became, runCode, sees } from './pages.ts'
import type { Site } from './site.ts'
import { eachInATab } from './tabs.ts'

let site: Site
let context: BrowserContext
let page: Page
/** Streams of events that the page asked for, and those that are over. */
let streams: { opened: number; closed: number }
eachInATab((tab) => ({ site, context, page } = tab))
beforeEach(() => {
  streams = { opened: 0, closed: 0 }
  const isStream = (url: string) => url.endsWith('/v1/events')
  page.on('request', (request) => (streams.opened += Number(isStream(request.url()))))
  page.on('requestfailed', (request) => (streams.closed += Number(isStream(request.url()))))
  page.on('requestfinished', (request) => (streams.closed += Number(isStream(request.url()))))
})

/** Runs a program from elsewhere, and gives back the end of its id as the list shows it. */
async function runElsewhere(code: string): Promise<string> {
  const other = await context.newPage()
  const id = await runCode(other, { url: site.url, code })
  await other.close()
  return id
}

const row = (id: string, on = page) => on.locator('tbody tr').filter({ has: on.locator(`a[href$="${id}"]`) })

test('a workload from elsewhere comes into the list, and ends there, without anybody asking', async () => {
  // Its time hardly goes on, so that whoever asks again after two seconds never does.
  const still = await site.enter()
  const list = await still.newPage()
  await list.clock.install()
  const told = list.waitForResponse((response) => response.url().endsWith('/v1/events'))
  await list.goto(`${site.url}/workloads`)
  await told
  await list.clock.pauseAt(Date.now() + 60_000)
  const id = await runElsewhere('# fake: exit 3')
  const failed = row(id, list).getByText('failed', { exact: true })
  const look = async () => {
    await list.clock.runFor(10)
    return failed.count()
  }
  await expect.poll(look, { interval: 100, timeout: 15_000 }).toBe(1)
  await still.close()
})

test('a server that is started anew is followed again', async () => {
  await page.goto(`${site.url}/workloads`)
  await row(await runElsewhere('# fake: print before')).waitFor()
  await site.crash()
  await page.getByText('The server does not answer').waitFor()
  await site.start()
  await page.getByText('The server does not answer').waitFor({ state: 'detached' })
  await row(await runElsewhere('# fake: print after'))
    .getByText('completed', { exact: true })
    .waitFor()
  await expect.poll(() => streams.opened - streams.closed).toBe(1)
})

test('who may not follow everything asks every now and then, and does not knock again', async () => {
  const problem = { type: 'about:blank', title: 'no', status: 403, code: 'forbidden', detail: 'it may not' }
  const refusal = { status: 403, contentType: 'application/problem+json', body: JSON.stringify(problem) }
  await page.route('**/v1/events', (route) => route.fulfill(refusal))
  await page.goto(`${site.url}/workloads`)
  await row(await runElsewhere('# fake: print polled'))
    .getByText('completed', { exact: true })
    .waitFor()
  expect(streams.opened).toBe(1)
})

test('a tab that nobody sees holds no stream, and takes it up again when it is looked at', async () => {
  await page.goto(`${site.url}/workloads`)
  await expect.poll(() => streams).toEqual({ opened: 1, closed: 0 })
  await see(page, 'hidden')
  await expect.poll(() => streams).toEqual({ opened: 1, closed: 1 })
  const id = await runElsewhere('# fake: print meanwhile')
  await see(page, 'visible')
  await row(id).waitFor()
  await expect.poll(() => streams).toEqual({ opened: 2, closed: 1 })
})

test('ten tabs that follow a running program leave room for the one that is looked at', async () => {
  const id = await runElsewhere('# fake: print up\n# fake: sleep 600000')
  const tabs: Page[] = []
  for (let count = 0; count < 10; count += 1) {
    const tab = await context.newPage()
    tabs.push(tab)
    await tab.goto(`${site.url}/workloads/${id}`)
    await sees(tab, 'up')
    await see(tab, 'hidden')
  }
  await page.goto(`${site.url}/workloads/${id}`)
  await sees(page, 'up')
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  await page.getByRole('button', { name: 'Kill it' }).click()
  await became(page, 'Killed because somebody asked')
  // One that comes back into sight goes on where it was.
  await see(tabs[0]!, 'visible')
  await became(tabs[0]!, 'Killed because somebody asked')
  await sees(tabs[0]!, 'up')
  expect(await tabs[0]!.locator('.row').count()).toBe(1)
  await Promise.all(tabs.map((tab) => tab.close()))
})

/** Without a window, a browser never says that a tab is out of sight. */
async function see(tab: Page, state: 'hidden' | 'visible'): Promise<void> {
  await tab.evaluate(`(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${state}' })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  })()`)
}

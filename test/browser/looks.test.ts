/** Every page in both themes and at every width. */
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import { archiveOf } from '../system/archives.ts'
import { inBoth, judge, schemes, type Scheme, tabIn, type View } from './judge.ts'
import { became, runCode } from './pages.ts'
import { firewallOf } from '../../src/firecracker/network/told.ts'
import { openSite, type Site } from './site.ts'

let site: Site
let context: BrowserContext
const ids: Record<string, string> = {}

const telling = [
  'print \u001B[1mbuilding\u001B[0m the shop',
  'print \u001B[32m✔\u001B[0m 12 modules',
  'print \u001B[33m!\u001B[0m one is old',
  `print ${'a long line that has to be wrapped somewhere '.repeat(6)}`,
  'error \u001B[31mTraceback\u001B[0m: no such file',
  'deny metadata tcp 169.254.169.254 80',
  'deny private udp 192.168.178.1 53',
  'deny private udp 192.168.178.1 53',
  'result {"orders":[{"id":1,"total":9.5},{"id":2,"total":12}],"open":null,"ok":true}',
]
const nic = {
  ...{ address: '10.88.0.7/16', mac: '02:fc:0a:58:00:07', gateway: '10.88.0.1', tap: 'tap0', peer: 'eth0' },
  ...{ netns: 'vulcan-0a1b2c3d4e5f', port: 'veth1a2b3c4d', bridge: 'vulvulcan' },
}
const host = { bridge: nic.bridge, subnet: '10.88.0.0/16', gateway: nic.gateway, resolvers: ['192.0.2.53'] }
const guest = { port: nic.port, mac: nic.mac, address: '10.88.0.7', names: ['files.example'] }
const allow = ['198.51.100.7/32', '203.0.113.0/24']
/** Where a scripted run says that its vm was: the rules are those that a real one of that kind is under. */
const placed = (mode: 'none' | 'host' | 'internet' | 'listed') => {
  const network = { mode: mode === 'listed' ? 'internet' : mode, ...(mode !== 'none' && { nic }) }
  const details = { kernel: '6.12.1', image: '0123456789ab', uid: 800_007, cgroup: '/vulcan/7', network }
  const firewall =
    mode !== 'none' &&
    firewallOf({ instance: 'vulcan', ports: { udp: 5353, tcp: 5354 }, ...host }, { ...guest, mode, allow })
  return `facts ${JSON.stringify({ details, ...(firewall && { firewall }) })}`
}
const code = (...words: string[]) => words.map((word) => `# fake: ${word}`).join('\n')

beforeAll(async () => {
  site = await openSite()
  context = await site.enter()
  const page = await context.newPage()
  const { url } = site
  ids['ended'] = await runCode(page, {
    url,
    code: code('start 120', 'template', 'ready 2', placed('listed'), ...telling, 'sleep 400'),
  })
  await became(page, 'Completed')
  ids['failed'] = await runCode(page, {
    url,
    code: code('start 60', 'template no space left on device', placed('none'), 'print working', 'oom'),
  })
  await became(page, 'Killed: out of memory')
  await runCode(page, { url, code: code('template', 'exit 0'), runtime: 'Node' })
  await became(page, 'Completed')
  ids['running'] = await runCode(page, { url, code: code(...telling, 'sleep 600000'), timeoutS: 600 })
  await became(page, 'Running')
  await page.close()
})
afterAll(async () => site[Symbol.asyncDispose]())

const views: readonly View[] = [
  ['submit', () => '/', '.cm-content'],
  ['submit-again', () => `/?again=${ids['ended']}`, '.cm-content'],
  ['workload-running', () => `/workloads/${ids['running']}`, '.row'],
  ['workload-ended', () => `/workloads/${ids['ended']}`, '.json'],
  ['workload-failed', () => `/workloads/${ids['failed']}`, '.ending'],
  ['inside', () => `/workloads/${ids['ended']}/inside`, '.frame'],
  ['inside-none', () => `/workloads/${ids['failed']}/inside`, '.frame'],
  ['list', () => '/workloads', 'tbody tr'],
  ['compare', () => `/compare?a=${ids['ended']}&b=${ids['failed']}`, '.compare'],
  ['system', () => '/system', '[aria-label^="Host of"]'],
  ['not-found', () => '/nowhere/at/all', '.trouble'],
]

const enter = async (scheme: Scheme) => tabIn(site, scheme, await context.cookies())

test.each(inBoth(views))('$name, $scheme', async ({ scheme, name, path, ready }) => {
  await using entered = await enter(scheme)
  const { page } = entered
  await page.goto(site.url + path())
  await page.locator(ready).first().waitFor()
  await judge(page, `${name}-${scheme}`)
})

test.each(schemes)('without a session the page says how to get in, %s', async (scheme) => {
  await using stranger = await tabIn(site, scheme)
  const { page } = stranger
  await page.goto(`${site.url}/login?token=used`)
  await page.getByText('vulcan open', { exact: true }).first().waitFor()
  await page.getByText('That link is used up').waitFor()
  await judge(page, `no-key-${scheme}`)
})

test.each(schemes)('without a server the page says so, %s', async (scheme) => {
  await using cut = await tabIn(site, scheme)
  const { page } = cut
  await page.route('**/v1/**', (route) => route.abort('connectionrefused'))
  await page.goto(site.url)
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor()
  await judge(page, `no-server-${scheme}`)
})

test.each(schemes)('files that were chosen, and fields that are wrong, %s', async (scheme) => {
  await using entered = await enter(scheme)
  const { page } = entered
  await page.goto(site.url)
  await page.getByText('Files', { exact: true }).click()
  const buffer = await archiveOf({
    'main.py': 'x',
    'shop/cart.py': 'y',
    'shop/data/prices.json': '{}',
    'README.md': 'z',
  })
  await page.getByTestId('files').setInputFiles({ name: 'shop.tar.gz', mimeType: 'application/gzip', buffer })
  await page.getByText('prices.json').waitFor()
  await page.getByRole('textbox', { name: 'Memory' }).fill('lots')
  await page.getByRole('textbox', { name: 'Input', exact: true }).fill('{"a":')
  await page.getByRole('textbox', { name: 'Environment' }).fill('oops')
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.getByText('Some fields need another look').waitFor()
  await judge(page, `submit-files-${scheme}`)
})

test.each(schemes)('the question before a kill, %s', async (scheme) => {
  await using entered = await enter(scheme)
  const { page } = entered
  await page.goto(`${site.url}/workloads/${ids['running']}`)
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'Kill this workload?' })
  await dialog.getByText('Let it run').waitFor()
  // It fades in, and axe judges colours as they are.
  await page.waitForFunction('getComputedStyle(document.querySelector("[role=dialog]")).opacity === "1"')
  await judge(page, `kill-${scheme}`)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
})

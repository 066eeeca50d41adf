/** The dashboard on real microVMs, in one browser that was let in once: what a person does, and what goes wrong meanwhile. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { became, runCode, sees, submit } from '../browser/pages.ts'
import { launch } from '../browser/site.ts'
import { archiveOf } from './archives.ts'
import { bytes, duration, roundTrip } from '../../dashboard/format.ts'
import { client, endServer, onNode, settled, vmPid, vulcan } from './harness.ts'

/** Milliseconds: under emulation a boot takes tens of seconds. */
const patience = 120_000

let browser: Browser
let url: string
let page: Page
let wrong: string[]
beforeAll(async () => {
  browser = await launch()
  const link = (await vulcan(['open', '--print'])).stdout.trim()
  url = new URL(link).origin
  page = await browser.newPage()
  page.setDefaultTimeout(patience)
  page.on('pageerror', (error) => wrong.push(String(error)))
  wrong = []
  await page.goto(link)
})
afterAll(async () => {
  await browser.close()
  expect(await settled()).toEqual([])
})
beforeEach(() => void (wrong = []))
afterEach(() => expect(wrong).toEqual([]))

/** Seconds that a program of these may run: none of them is about its time. */
const timeoutS = 200
/** A piece at a time: of a whole gigabyte the guest would refuse the first. */
const hoarding = `print('filling', flush=True)\nhoard = []\nwhile True: hoard.append(b'x' * (1 << 20))`
const endless = `print('up', flush=True)\nimport time\ntime.sleep(180)`

/** Of spaces nft has its own mind; where a host has no /etc/protocols it lists their numbers. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('l4proto 6 ', 'l4proto tcp ')

test('from the form to the output; then the list has it, and its inside is told to the last frame', async () => {
  const id = await runCode(page, { url, code: `print('hello from inside')`, timeoutS })
  await sees(page, 'hello from inside')
  await became(page, 'Completed')
  await page.goto(`${page.url()}/inside`)
  const frames = page.getByRole('list', { name: 'Frames, in their order' })
  await frames.getByText('how the program ended').waitFor()
  const kinds = await frames.locator('b').allTextContents()
  expect(kinds).toEqual(expect.arrayContaining(['hello', 'configure', 'write', 'exec', 'started', 'stdout', 'exit']))
  expect(await frames.textContent()).not.toContain('hello from inside')
  await page.goto(`${url}/workloads`)
  await page.locator(`a[href$="${id}"]`).first().waitFor()
})

test.each([
  ['Python', '3'],
  ['Node', 'v26'],
  ['Go', 'go1'],
])('the starter of %s is run as it stands: output, result', async (runtime, version) => {
  await page.goto(url)
  await page.getByText(runtime, { exact: true }).click()
  await page.getByRole('textbox', { name: 'Time' }).fill(String(timeoutS))
  await submit(page)
  const output = page.getByRole('log', { name: 'Output' })
  // Go's is compiled first, in a vm that boots.
  await output.getByText(`Hello from ${runtime === 'Go' ? '' : `${runtime} `}${version}`).waitFor({ timeout: 400_000 })
  await output.getByText('step 5').waitFor()
  await became(page, 'Completed')
  const result = page.getByRole('region', { name: 'Result' })
  await result.getByText('squares').waitFor()
})

test('where it ran and what it used is told as its record has it', async () => {
  const api = await client()
  const id = await runCode(page, { url, code: `x = b'x' * (30 << 20)\nprint('done')`, timeoutS })
  await became(page, 'Completed')
  const { run } = await api.get(id)
  const { details, usage, vsock } = run!
  const of = (name: string) => page.getByRole('region', { name, exact: true })
  const isolation = (await of('Isolation').textContent()) ?? ''
  const { kernel, image, uid, cgroup, network } = details!
  const told = [run!.vm_id, run!.node, 'closed in order', kernel, image, uid, cgroup, network.nic!.address]
  for (const each of told) expect(isolation).toContain(String(each))
  expect(vsock.rtt_us).toBeGreaterThan(0)
  expect(isolation).toContain(roundTrip(vsock.rtt_us))
  expect(usage!.peak_mem_mb).toBeGreaterThan(30)
  const used = (await of('Usage').textContent()) ?? ''
  for (const each of [`${usage!.peak_mem_mb} MiB`, duration(usage!.cpu_ms), bytes(usage!.disk_written_bytes)])
    expect(used).toContain(each)
})

test('the System page tells what is kept ready, and what the host lacks', async () => {
  await page.goto(`${url}/system`)
  for (const name of ['Pool', 'Templates', /^Host of /]) await page.getByRole('region', { name }).waitFor()
  expect(
    await page
      .getByRole('region', { name: /^Backend / })
      .getByText('online', { exact: true })
      .count(),
  ).toBe(1)
  await page
    .getByRole('region', { name: /^Host of / })
    .getByText('It has all that vms need to run.')
    .waitFor()
})

test('the rules that the page of a run draws are those that the kernel has while it lives, and no other vm’s', async () => {
  const allow = ['198.51.100.0/24', '203.0.113.9']
  const refused = `import socket\ntry: socket.create_connection(('169.254.169.254', 80), 9)\nexcept OSError: pass\n`
  const request = { code: refused + endless, runtime: 'python', resources: { timeout_s: timeoutS } }
  const api = await client()
  const { id } = await api.submit({ ...request, network: { mode: 'internet', allow } })
  await page.goto(`${url}/workloads/${id}`)
  await sees(page, 'up')
  await page.getByRole('region', { name: 'Isolation' }).getByText('169.254.169.254:80').waitFor()
  const { run } = await api.get(id)
  const { firewall, details } = run!
  const { table, elements, chains } = firewall!
  const listing = plain(await onNode(`nft list ruleset`))
  for (const { element } of elements) expect(listing).toContain(element)
  for (const { rules } of chains) expect(listing).toContain(plain(`${rules.join(' ')} }`))
  expect(listing).toContain(`table inet ${table}`)
  expect(elements.filter(({ set }) => set === 'allowed').map(({ element }) => element.split(' . ')[1])).toEqual(allow)
  const own = details!.network.nic!.address.replace(/\/.*/, '')
  for (const { set, element } of elements) if (set !== 'ports') expect(element).toContain(own)
  await page.goto(`${url}/workloads/${id}/inside`)
  const way = page.getByRole('list', { name: 'From the guest outwards' })
  const { netns, port, tap, peer = '', bridge = '' } = details!.network.nic!
  for (const name of [own, netns, port, tap, peer, bridge]) await way.getByText(name).first().waitFor()
  const redirects = await onNode(`ip netns exec ${netns.split('/').at(-1)} tc filter show dev ${peer} parent ffff:`)
  expect(redirects).toMatch(new RegExp(`Redirect to device ${tap}`))
  expect(await onNode(`ip -o link show ${port}`)).toContain(`master ${bridge}`)
  const listed = page.getByRole('region', { name: 'Chain inet listed' })
  for (const where of allow) await listed.getByText(`${own} . ${where}`).waitFor()
  await api.kill(id)
})

test('from another browser a run is run again: code, environment and all', async () => {
  const code = `import os\nprint('again with', os.environ['WORD'])`
  const api = await client()
  const record = await api.run({ runtime: 'python', code, env: { WORD: 'hush' }, resources: { timeout_s: timeoutS } })
  expect(record.stdout).toBe('again with hush\n')
  await page.goto(`${url}/workloads/${record.id}`)
  await page.getByRole('link', { name: 'Run again' }).click()
  await page.locator('.cm-content').getByText('again with').waitFor()
  await submit(page)
  await sees(page, 'again with hush')
  await became(page, 'Completed')
})

test('an archive goes in, and its program finds its files', async () => {
  await page.goto(url)
  await page.getByText('Files', { exact: true }).click()
  const buffer = await archiveOf({
    'main.py': 'from shop.words import greeting\nprint(greeting)',
    'shop/words.py': "greeting = 'good day from a file beside'",
  })
  await page.getByTestId('files').setInputFiles({ name: 'shop.tar.gz', mimeType: 'application/gzip', buffer })
  await page.getByRole('group', { name: 'Files to send' }).getByText('words.py').waitFor()
  await submit(page)
  await sees(page, 'good day from a file beside')
  await became(page, 'Completed')
})

test('a run is killed', async () => {
  await runCode(page, { url, code: endless, timeoutS })
  await sees(page, 'up')
  await page.getByRole('button', { name: 'Kill', exact: true }).click()
  await page.getByRole('button', { name: 'Kill it' }).click()
  await became(page, 'Killed because somebody asked')
})

test('a program that takes all memory is told so, with what would help', async () => {
  await runCode(page, { url, code: hoarding, timeoutS, memMib: 64 })
  await became(page, 'Killed: out of memory at 64 MB')
  await page.getByText('Raise mem_mb').waitFor()
  await sees(page, 'filling')
})

test('a vm whose Firecracker is gone is told as lost, with all that it had said', async () => {
  const id = await runCode(page, { url, code: endless, timeoutS })
  await sees(page, 'up')
  await onNode(`kill -9 ${vmPid(id)}`)
  await became(page, 'The microVM was lost')
  await sees(page, 'up')
})

test('a server that dies while somebody watches: the page recovers, and shows every line once', async () => {
  const lines = 250
  const code = `
import time
for n in range(${lines}):
    print(f'line {n}', flush=True)
    time.sleep(0.1)`
  await runCode(page, { url, code, timeoutS })
  await sees(page, 'line 3')
  await endServer('KILL')
  await became(page, 'Completed')
  await page.getByText(`${lines} lines`).waitFor()
  await sees(page, `line ${lines - 1}`)
  expect(await page.getByText('The server does not answer').count()).toBe(0)
})

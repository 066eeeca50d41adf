/** What pages show where something is wrong or nothing is there, in both themes and at every width. */
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'
import type { HostCheck, HostReport } from '../../src/api/doctor.ts'
import type { BackendState, Stats } from '../../src/api/state.ts'
import { inBoth, judge, tabIn, type View } from './judge.ts'
import { became, handIn, runCode } from './pages.ts'
import { openSite, type Site } from './site.ts'

let site: Site
let context: BrowserContext
const ids: Record<string, string> = {}
const unknown = '019a0000-0000-7000-8000-000000000000'

beforeAll(async () => {
  site = await openSite()
  context = await site.enter()
  const page = await context.newPage()
  ids['unstarted'] = await runCode(page, { url: site.url, code: '# fake: fail no space left on device' })
  await became(page, 'The microVM could not be started')
  ids['waiting'] = await fill(page)
  await page.close()
})
afterAll(async () => site[Symbol.asyncDispose]())

/** Runs as many as there may be vms, and three more; gives back the id of the last. */
async function fill(page: Page): Promise<string> {
  const { vms } = await page.evaluate(async () => (await (await fetch('/v1/stats')).json()) as Stats)
  const sleeper = { code: '# fake: sleep 600000', resources: { timeout_s: 600, mem_mb: 32 } }
  let last = ''
  for (let count = 0; count < vms.max + 3; count += 1) last = await handIn(page, { runtime: 'python', ...sleeper })
  return last
}

const backends: BackendState[] = [
  {
    name: 'firecracker',
    online: false,
    reason: '/dev/kvm cannot be opened: permission denied',
    isolation: ['microvm'],
    runtimes: ['python', 'node', 'go'],
    details: { kvm: false, kernel: '6.12.1' },
  },
]
const well: HostCheck = { name: 'cgroup v2', ok: true, required: true, found: 'mounted', why: 'limits are kept by it' }
const host: HostReport = {
  node: 'ailing',
  judged_at: '2026-01-01T00:00:00Z',
  checks: [
    well,
    {
      ...{ name: '/dev/kvm', ok: false, required: true, found: 'permission denied', why: 'no vm runs without it' },
      mend: 'sudo modprobe kvm; sudo setfacl -m u:somebody-with-a-long-name:rw /dev/kvm',
    },
    {
      ...{ name: 'smt', ok: false, required: false, found: 'on', why: 'threads of one core tell on each other' },
      mend: 'echo off | sudo tee /sys/devices/system/cpu/smt/control',
    },
  ],
}
const answers: Readonly<Record<string, readonly (readonly [string, unknown])[]>> = {
  'system-ailing': [
    ['/v1/backends', { backends }],
    ['/v1/doctor', host],
  ],
  'submit-nothing-runs': [['/v1/backends', { backends }]],
  'list-empty': [['/v1/workloads?*', { workloads: [] }]],
}

const views: readonly View[] = [
  ['system-ailing', () => '/system', '.check-mend'],
  ['submit-nothing-runs', () => '/', 'text=Nothing can run here now'],
  ['unknown', () => `/workloads/${unknown}`, 'text=There is no such workload'],
  ['unknown-inside', () => `/workloads/${unknown}/inside`, 'text=There is no such workload'],
  ['compare-none', () => '/compare', 'text=It takes two workloads'],
  ['list-empty', () => '/workloads', 'text=Nothing has run yet'],
  ['list-none-fits', () => '/workloads?label=colour%3Dnone&runtime=go', 'text=None of the workloads'],
  ['workload-waiting', () => `/workloads/${ids['waiting']}`, 'h1:has-text("number 3 in the queue")'],
  ['inside-waiting', () => `/workloads/${ids['waiting']}/inside`, 'text=It still waits'],
  ['workload-unstarted', () => `/workloads/${ids['unstarted']}`, 'text=There was no microVM'],
  ['inside-unstarted', () => `/workloads/${ids['unstarted']}/inside`, 'text=It ended before it had a microVM'],
]

test.each(inBoth(views))('$name, $scheme', async ({ scheme, name, path, ready }) => {
  await using entered = await tabIn(site, scheme, await context.cookies())
  const { page } = entered
  for (const [where, json] of answers[name] ?? []) await page.route(`**${where}`, (route) => route.fulfill({ json }))
  await page.goto(site.url + path())
  await page.locator(ready).first().waitFor()
  await judge(page, `${name}-${scheme}`)
})

/** What operators are given (dashboard, alerts, scrape) speaks only of metrics and labels that a server has. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Scrape } from '../src/server/metrics/testing.ts'
import { authorization, testServer } from '../src/server/testing.ts'
import { lacks } from './programs.ts'

const deploy = resolve(import.meta.dirname, '..', 'deploy')
const read = (name: string) => readFileSync(join(deploy, name), 'utf8')

interface Panel {
  readonly title: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly w: number }
  readonly targets?: readonly { readonly expr: string }[]
}
interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}
const { panels } = JSON.parse(read('grafana/vulcan.json')) as { panels: readonly Panel[] }
const { groups } = parse(read('prometheus/alerts.yml')) as { groups: readonly { rules: readonly Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

/** Samples and their labels of a server on which everything has happened that can. */
let known: ReadonlyMap<string, ReadonlySet<string>>
beforeAll(async () => {
  await using server = await testServer()
  const run = (code: string) =>
    server.app.inject({
      method: 'POST',
      url: '/v1/workloads',
      headers: authorization,
      payload: { runtime: 'python', code },
    })
  await Promise.all(['# fake: print a', '# fake: fail no'].map(run))
  const lost = { id: 'lost', runtime: 'python', args: [], env: {}, entrypoint: 'main.py', outputLimitBytes: 1 }
  const resources = { cpus: 1, memMib: 32, timeoutMs: 600_000, diskMib: 16, pids: 8 }
  const source = { kind: 'code', name: 'main.py', content: Buffer.from('# fake: sleep 600000') } as const
  const network = { mode: 'none', allow: [] } as const
  await server.backend.execute({ ...lost, resources, source, network }, AbortSignal.timeout(5000))
  // Ends are counted after they were answered.
  await turn()
  server.metrics.retried('boot')
  server.metrics.templateBuilt({ runtime: 'python', ms: 7000 })
  known = new Scrape((await server.app.inject({ url: '/metrics', headers: authorization })).body).names()
  await server.scheduler.cleanup()
})

/** Metric names of an expression, and the labels it selects or groups by. */
function termsOf(expr: string): { names: string[]; labels: string[] } {
  const bare = expr.replaceAll(/"[^"]*"/g, '""')
  const names = [...bare.matchAll(/\b(?:vulcan|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name)
  const selected = [...bare.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label as string)
  const grouped = [...bare.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) => (list as string).split(/,\s*/))
  return { names, labels: [...selected, ...grouped] }
}

function check(expr: string): void {
  const { names, labels } = termsOf(expr)
  expect(
    names.filter((name) => !known.has(name)),
    expr,
  ).toEqual([])
  // Prometheus adds instance and job to every sample.
  const has = new Set(['instance', 'job', ...names.flatMap((name) => [...(known.get(name) ?? [])])])
  expect(
    labels.filter((label) => !has.has(label)),
    expr,
  ).toEqual([])
}

describe('the dashboard', () => {
  const drawn = panels.filter(({ type }) => type !== 'row')

  test('has panels that ask for something, within the grid', () => {
    expect(drawn.length).toBeGreaterThan(15)
    for (const { title, targets, gridPos } of drawn) {
      expect(targets?.length, title).toBeGreaterThan(0)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    }
  })

  test('asks for metrics and labels that exist, and for every one of ours', () => {
    const exprs = drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    for (const expr of exprs) check(expr)
    const asked = new Set(exprs.flatMap((expr) => termsOf(expr).names.map(familyOf)))
    const ours = [...known.keys()].filter((name) => name.startsWith('vulcan_')).map(familyOf)
    expect(new Set(ours).difference(asked)).toEqual(new Set())
  })
})

const familyOf = (name: string): string => name.replace(/_(bucket|sum|count)$/, '')

test('the list of metrics has each of ours with its labels, and no other', () => {
  const listed = [...read('MONITORING.md').matchAll(/^\| `(vulcan_\w+)(?:\{([\w,]+)\})?` \|/gm)]
  const told = new Map(listed.map(([, name = '', labels]) => [name, labels?.split(',').sort() ?? []]))
  const ours = new Map<string, string[]>()
  for (const [name, labels] of known) {
    if (name.startsWith('vulcan_')) ours.set(familyOf(name), [...labels].filter((label) => label !== 'le').sort())
  }
  expect(told).toEqual(ours)
})

describe('the alerts', () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s', (_, rule) => {
    expect(termsOf(rule.expr).names.length > 0 || rule.expr.startsWith('up{')).toBe(true)
    check(rule.expr)
    expect(['warning', 'critical']).toContain(rule.labels.severity)
    expect(rule.annotations.summary).toMatch(/^.{10,}$/)
  })

  test.skipIf(lacks('promtool'))(
    'Prometheus takes rules and scrape as they are, and each alert fires when it should and not when all is well',
    () => {
      execFileSync('promtool', ['check', 'rules', join(deploy, 'prometheus/alerts.yml')])
      execFileSync('promtool', ['check', 'config', '--syntax-only', join(deploy, 'prometheus/prometheus.yml')])
      execFileSync('promtool', ['test', 'rules', join(deploy, '../test/alerts.yml')])
      expect(parse(read('prometheus/prometheus.yml'))).toMatchObject({ rule_files: ['alerts.yml'] })
    },
  )
})

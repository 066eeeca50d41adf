/** What every page stands at every width: nothing that axe forbids, nothing wider than the screen. And a picture of each. */
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Site } from './site.ts'

/** For whoever wants to look; git ignores them. */
const pictures = join(import.meta.dirname, 'screenshots')
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

export const schemes = ['light', 'dark'] as const
export type Scheme = (typeof schemes)[number]

/** Name, address, and what is there when the page is. */
export type View = readonly [string, () => string, string]

export const inBoth = (views: readonly View[]) =>
  schemes.flatMap((scheme) => views.map(([name, path, ready]) => ({ scheme, name, path, ready })))

/** A tab of its own in that scheme, with cookies where it is let in. The page's policy keeps axe out, as it should anybody else. */
export async function tabIn(
  { browser }: Site,
  scheme: Scheme,
  cookies: Parameters<Awaited<ReturnType<Site['enter']>>['addCookies']>[0] = [],
): Promise<{ page: Page } & AsyncDisposable> {
  const looking = await browser.newContext({ colorScheme: scheme, bypassCSP: true, reducedMotion: 'reduce' })
  await looking.addCookies(cookies)
  return { page: await looking.newPage(), [Symbol.asyncDispose]: () => looking.close() }
}

const narrow = { width: 320, height: 640 }
const wide = { width: 1920, height: 1080 }

/** Judges the page as it stands there, on a telephone and on a large screen. */
export async function judge(page: Page, name: string): Promise<void> {
  await look(page, name)
  await obey(page, name)
  await page.setViewportSize(narrow)
  await look(page, `${name}-narrow`)
  await obey(page, `${name} at ${narrow.width} px`)
  await page.setViewportSize(wide)
  await look(page, `${name}-wide`)
}

async function look(page: Page, name: string): Promise<void> {
  const { width } = page.viewportSize()!
  await page.evaluate('scrollTo(0, 0)')
  await mkdir(pictures, { recursive: true })
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
  expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width)
}

interface Axe {
  readonly run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
}

async function obey(page: Page, name: string): Promise<void> {
  await page.addScriptTag({ path: axe })
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
  })
  expect(found, name).toEqual([])
}

/** A tab for each test of a file, of one browser before one server. What goes wrong in it, said or unsaid, fails its test. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { openSite, type Site } from './site.ts'

export interface Tab {
  readonly site: Site
  readonly context: BrowserContext
  readonly page: Page
}

/** `show` is handed the tab before each test. */
export function eachInATab(show: (tab: Tab) => void, options?: Parameters<Browser['newContext']>[0]): void {
  let site: Site
  let context: BrowserContext
  let page: Page
  let wrong: string[]
  beforeAll(async () => {
    site = await openSite()
    context = await site.enter(options)
  })
  afterAll(async () => site[Symbol.asyncDispose]())
  beforeEach(async () => {
    page = await context.newPage()
    wrong = []
    page.on('pageerror', (error) => wrong.push(String(error)))
    // What the policy of the page forbids is told here too.
    page.on('console', (message) => {
      const text = message.text()
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) wrong.push(text)
    })
    show({ site, context, page })
  })
  afterEach(async () => {
    expect(wrong).toEqual([])
    await page.close()
  })
}

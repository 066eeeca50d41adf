/** Driving the dashboard as a person does: by what is written on it. */
import type { Locator, Page } from 'playwright-core'
import type { WorkloadRequest } from '../../src/api/workload.ts'

/** Puts code into the editor in place of the starter. */
export async function typeCode(page: Page, code: string): Promise<void> {
  const editor = page.locator('.cm-content')
  await editor.click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  // Typing would have the editor close brackets by itself.
  await page.keyboard.insertText(code)
}

/** Sends the form and gives back the id of what came of it. */
export async function submit(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Run it' }).click()
  await page.waitForURL(/\/workloads\/[0-9a-f-]{36}$/)
  return page.url().split('/').at(-1) ?? ''
}

/** Opens the form, and runs that code. */
export async function runCode(
  page: Page,
  o: { url: string; code: string; runtime?: string; timeoutS?: number; memMib?: number },
): Promise<string> {
  await page.goto(o.url)
  if (o.timeoutS !== undefined) await page.getByRole('textbox', { name: 'Time' }).fill(String(o.timeoutS))
  if (o.memMib !== undefined) await page.getByRole('textbox', { name: 'Memory' }).fill(String(o.memMib))
  if (o.runtime !== undefined) await page.getByText(o.runtime, { exact: true }).click()
  await typeCode(page, o.code)
  return submit(page)
}

/** Hands a workload in from a page of the site, without its form, and gives back the id; by the other route, once it has ended. */
export async function handIn(
  page: Page,
  request: WorkloadRequest,
  route: '/v1/workloads/async' | '/v1/workloads' = '/v1/workloads/async',
): Promise<string> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) }
  return page.evaluate(
    async ([url, call]) => {
      const answer = await fetch(url, call)
      if (!answer.ok) throw new Error(await answer.text())
      return ((await answer.json()) as { id: string }).id
    },
    [route, init] as const,
  )
}

/** Waits for a line of the output. */
export async function sees(page: Page, text: string): Promise<void> {
  await page.getByRole('log', { name: 'Output' }).getByText(text, { exact: true }).first().waitFor()
}

/** Waits for the words that say what became of it. */
export async function became(page: Page, words: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: words }).waitFor()
}

/** Drags files and folders over one thing of the page, as a file manager does, and lets them go over another. */
export async function drop(
  page: Page,
  { paths, over, onto }: { paths: string[]; over: Locator; onto: Locator },
): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const drag = async (type: 'dragEnter' | 'dragOver' | 'drop', what: Locator) => {
    const { x, y, width, height } = (await what.boundingBox())!
    const data = { items: [], files: paths, dragOperationsMask: 1 }
    await session.send('Input.dispatchDragEvent', { type, x: x + width / 2, y: y + height / 2, data })
  }
  await drag('dragEnter', over)
  await onto.waitFor()
  await drag('dragOver', onto)
  await drag('drop', onto)
}

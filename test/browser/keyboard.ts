/** A person who has a keyboard and nothing else: what has the focus, and the way from one to the next. */
import type { Page } from 'playwright-core'

/** The name of what has the focus: its label or its text. */
export const focused = (page: Page) =>
  page.evaluate<string>(`(() => {
    const at = document.activeElement
    return at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent ?? at?.textContent?.trim() ?? ''
  })()`)

/** Goes on with Tab until that has the focus. */
export async function tabTo(page: Page, name: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  for (let step = 0; step < 60; step += 1) {
    if (name.test(await focused(page))) return
    await page.keyboard.press(key)
  }
  throw new Error(`60 times ${key} did not lead to ${name}; the last was ${await focused(page)}`)
}

/** The name of what has the focus, and what is wrong with it; undefined where the way is at its end. */
interface Stop {
  readonly name: string
  readonly inEditor: boolean
  readonly wrong: readonly string[]
}

/**
 * Goes through the whole page, from its beginning or its end. Gives back what is wrong: things that the focus never comes to,
 * that do not show it, or that stand behind another when they have it.
 */
export async function walk(page: Page, key: 'Tab' | 'Shift+Tab'): Promise<string[]> {
  await page.evaluate('document.activeElement.blur()')
  await page.evaluate(`globalThis.passed = new Set()`)
  const wrong: string[] = []
  for (;;) {
    await page.keyboard.press(key)
    const stop = await page.evaluate<Stop | undefined>(`(${lookAtStop})()`)
    if (!stop) return [...wrong, ...(await page.evaluate<string[]>(`(${missed})()`))]
    wrong.push(...stop.wrong.map((what) => `${stop.name}: ${what}`))
    // As the page says below it: there Tab is a letter otherwise.
    if (stop.inEditor) await page.keyboard.press('Escape')
  }
}

const lookAtStop = `async () => {
  const at = document.activeElement
  if (at === document.body || passed.has(at)) return undefined
  passed.add(at)
  const editor = at.closest('.editor > *')
  // What is drawn for a radio button is its label.
  const drawn = editor ?? (at.type === 'radio' ? at.labels[0] : at)
  const { left, top, width, height } = drawn.getClientRects()[0]
  const front = document.elementFromPoint(left + width / 2, top + height / 2)
  const looks = async () => {
    // The editor follows a moment later, and a border by and by.
    if (editor) await new Promise((resolve) => setTimeout(resolve, 100))
    const changes = document.getAnimations().filter((each) => each instanceof CSSTransition)
    await Promise.all(changes.map((each) => each.finished))
    const { outlineStyle, outlineWidth, borderColor, boxShadow } = getComputedStyle(drawn)
    return [outlineStyle, outlineWidth, borderColor, boxShadow].join()
  }
  const withFocus = await looks()
  at.blur()
  const without = await looks()
  at.focus()
  return {
    name: at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent.trim(),
    inEditor: editor !== null,
    wrong: [
      ...(withFocus === without ? ['does not show that it has the focus'] : []),
      ...(front && (drawn.contains(front) || front.contains(drawn)) ? [] : ['stands behind ' + (front?.className ?? 'the edge')]),
    ],
  }
}`

/**
 * What takes no Tab: radio buttons, which arrow keys go through, the boxes of the list, whose rows Space picks, the input of
 * the place for files, which takes it itself, and what is hidden from everybody.
 */
const besides = '[type=radio]:not(:checked), .list-pick input, .drop input, [aria-hidden=true]'

const missed = `() =>
  [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((each) => !each.disabled && each.checkVisibility() && !passed.has(each))
    .filter((each) => !each.matches('${besides}'))
    .map((each) => 'never comes to ' + (each.getAttribute('aria-label') ?? each.textContent ?? each.tagName))
`

/** The editor's colours, readable on the grounds of both themes. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

interface Palette {
  readonly ground: string
  readonly text: string
  readonly gutter: string
  readonly active: string
  readonly selection: string
  readonly keyword: string
  readonly string: string
  readonly number: string
  readonly comment: string
  readonly name: string
}

const light: Palette = {
  ground: '#fbfbfc',
  text: '#1f2328',
  gutter: '#5c636a',
  active: '#f0f2f5',
  selection: '#cfe3ff',
  keyword: '#a3258c',
  string: '#116329',
  number: '#0550ae',
  comment: '#5c636a',
  name: '#7a3e00',
}

const dark: Palette = {
  ground: '#101214',
  text: '#e3e6ea',
  gutter: '#9aa0a8',
  active: '#1a1d21',
  selection: '#264f78',
  keyword: '#f0a3e0',
  string: '#8fdda0',
  number: '#8cc2ff',
  comment: '#9aa2ab',
  name: '#f2c38b',
}

export function coloursOf(isDark: boolean): Extension {
  const { ground, text, gutter, active, selection, ...words } = isDark ? dark : light
  const styles = HighlightStyle.define([
    { tag: [tags.keyword, tags.modifier, tags.operatorKeyword, tags.controlKeyword], color: words.keyword },
    { tag: [tags.string, tags.special(tags.string), tags.regexp], color: words.string },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], color: words.number },
    { tag: tags.comment, color: words.comment, fontStyle: 'italic' },
    { tag: [tags.function(tags.variableName), tags.definition(tags.variableName), tags.typeName], color: words.name },
  ])
  const theme = EditorView.theme(
    {
      '&': { backgroundColor: ground, color: text },
      '.cm-content': { caretColor: text },
      '.cm-cursor': { borderLeftColor: text },
      '.cm-gutters': { backgroundColor: ground, color: gutter, border: 'none' },
      '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: active, color: 'inherit' },
      '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
        backgroundColor: selection,
      },
    },
    { dark: isDark },
  )
  return [theme, syntaxHighlighting(styles)]
}

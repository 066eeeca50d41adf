/** The editor of a single source file. */
import { go } from '@codemirror/lang-go'
import { javascript } from '@codemirror/lang-javascript'
import { python } from '@codemirror/lang-python'
import { indentUnit } from '@codemirror/language'
import { Compartment, type Extension } from '@codemirror/state'
import { keymap } from '@codemirror/view'
import { indentWithTab } from '@codemirror/commands'
import { basicSetup, EditorView } from 'codemirror'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { nonce } from '../nonce.ts'
import { coloursOf } from './editortheme.ts'
import { runtimeLabels, type RuntimeName } from './starters.ts'

const languages: Readonly<Record<RuntimeName, () => Extension>> = {
  python: () => [python(), indentUnit.of('    ')],
  node: () => javascript({ typescript: true }),
  go: () => [go(), indentUnit.of('\t')],
}

interface EditorProps {
  readonly runtime: RuntimeName
  /** The document at first; later changes come from the editor alone. */
  readonly value: string
  readonly onChange: (value: string) => void
}

export function Editor({ runtime, value, onChange }: EditorProps) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const first = useRef(value)
  const tell = useRef(onChange)
  const colours = useRef(new Compartment())
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    tell.current = onChange
  })
  useEffect(() => {
    const editor = new EditorView({
      doc: first.current,
      parent: place.current!,
      extensions: [
        EditorView.cspNonce.of(nonce),
        basicSetup,
        keymap.of([indentWithTab]),
        languages[runtime](),
        colours.current.of([]),
        EditorView.contentAttributes.of({ 'aria-label': `${runtimeLabels[runtime]} code`, tabindex: '0' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) tell.current(update.state.doc.toString())
        }),
      ],
    })
    view.current = editor
    return () => editor.destroy()
  }, [runtime])
  useEffect(() => {
    view.current?.dispatch({ effects: colours.current.reconfigure(coloursOf(scheme === 'dark')) })
  }, [scheme, runtime])
  return <div className="editor" ref={place} />
}

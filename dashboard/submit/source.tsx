/** Where the program comes from: the editor, or files. */
import { Group, SegmentedControl, Text } from '@mantine/core'
import { lazy, Suspense, useEffect, useEffectEvent } from 'react'
import { Card } from '../card.tsx'
import { withRuntime } from './form.ts'
import { fileNames, runtimeLabels, type RuntimeName } from './starters.ts'
import type { Submission } from './submission.ts'

const Editor = lazy(() => import('./editor.tsx').then(({ Editor: component }) => ({ default: component })))
const Files = lazy(() => import('./files.tsx').then(({ Files: component }) => ({ default: component })))

export function Source({ submission }: { submission: Submission }) {
  const { form, faults, change } = submission
  useDraggedFiles(() => {
    if (form.source === 'code') change({ source: 'files', entrypoint: '' })
  })
  return (
    <Card title="Program">
      <Group gap="sm" mb="sm" className="tools">
        <SegmentedControl
          aria-label="Runtime"
          value={form.runtime}
          onChange={(runtime) => change(withRuntime(form, runtime as RuntimeName))}
          data={Object.entries(runtimeLabels).map(([value, label]) => ({ value, label }))}
        />
        <SegmentedControl
          aria-label="Where the program comes from"
          value={form.source}
          onChange={(source) => change({ source, entrypoint: '' })}
          data={[
            { value: 'code', label: 'Editor' },
            { value: 'files', label: 'Files' },
          ]}
        />
      </Group>
      {faults.runtime !== undefined && (
        <Text size="sm" c="var(--mantine-color-error)" mb="sm">
          {faults.runtime}
        </Text>
      )}
      <Suspense fallback={<div className="editor-place">Loading…</div>}>
        {form.source === 'code' ? <Code submission={submission} /> : <Files submission={submission} />}
      </Suspense>
    </Card>
  )
}

/** Tells of files that are dragged over the page, which a browser would open in its place. */
function useDraggedFiles(onFiles: () => void): void {
  const look = useEffectEvent((event: DragEvent) => {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    onFiles()
  })
  useEffect(() => {
    const stop = new AbortController()
    for (const type of ['dragenter', 'dragover', 'drop'] as const) {
      window.addEventListener(type, (event) => look(event), { signal: stop.signal })
    }
    return () => stop.abort()
  }, [])
}

function Code({ submission }: { submission: Submission }) {
  const { form, faults, change } = submission
  const wrong = faults.code ?? faults.entrypoint
  return (
    <>
      <Editor
        // Another language is another document, with a history of its own.
        key={form.runtime}
        runtime={form.runtime}
        value={form.code[form.runtime]}
        onChange={(code) => change({ code: { ...form.code, [form.runtime]: code } })}
      />
      <Text size="sm" c={wrong === undefined ? 'dimmed' : 'var(--mantine-color-error)'} mt={4}>
        {wrong ?? `Runs as ${form.entrypoint || fileNames[form.runtime]}. Esc, then Tab leaves the editor.`}
      </Text>
    </>
  )
}

/** The same run for a terminal and for a program. */
import { CopyButton, Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { Card } from '../card.tsx'
import { requestOf } from './form.ts'
import { snippetKinds, snippetOf, type SnippetKind } from './snippets.ts'
import type { Submission } from './submission.ts'

export function SnippetCard({ submission: { form, archive } }: { submission: Submission }) {
  const [kind, setKind] = useState<SnippetKind>('curl')
  const files = form.source === 'files'
  const asked = {
    request: requestOf(form).request,
    archive: files ? (archive?.name ?? 'files.tar.gz') : undefined,
    origin: location.origin,
  }
  const text = snippetOf(kind, asked)
  return (
    <Card
      title="The same from elsewhere"
      aside={
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
      }
    >
      <SegmentedControl size="xs" aria-label="As what" value={kind} onChange={setKind} data={[...snippetKinds]} />
      {/* It scrolls, so the keyboard must reach it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="snippet" tabIndex={0} role="region" aria-label={`As ${kind}`}>
        {text}
      </pre>
    </Card>
  )
}

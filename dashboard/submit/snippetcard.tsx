/** The same run for a terminal and for a program. */
import { Anchor, Button, SegmentedControl, Text } from '@mantine/core'
import { useEffect, useRef, useState, type RefObject } from 'react'
import { Card } from '../card.tsx'
import type { Archive } from './archive.ts'
import { requestOf } from './form.ts'
import { snippetKinds, snippetOf, type SnippetKind } from './snippets.ts'
import type { Submission } from './submission.ts'

export function SnippetCard({ submission: { form, archive } }: { submission: Submission }) {
  const [kind, setKind] = useState<SnippetKind>('curl')
  const shown = useRef<HTMLPreElement>(null)
  const files = form.source === 'files'
  const asked = {
    request: requestOf(form).request,
    archive: files ? (archive?.name ?? 'files.tar.gz') : undefined,
    origin: location.origin,
  }
  const text = snippetOf(kind, asked)
  return (
    <Card title="The same from elsewhere" aside={<Copy text={text} shown={shown} />}>
      <SegmentedControl size="xs" aria-label="As what" value={kind} onChange={setKind} data={[...snippetKinds]} />
      {files && <Needed archive={archive} />}
      {/* It scrolls, so the keyboard must reach it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre ref={shown} className="snippet" tabIndex={0} role="region" aria-label={`As ${kind}`}>
        {text}
      </pre>
    </Card>
  )
}

/** What is to lie beside the commands. Packed here, or fetched from the server, it is on no disk yet. */
function Needed({ archive }: { archive: Archive | undefined }) {
  return (
    <Text size="sm" c="dimmed" mt="xs">
      {archive ? (
        <>
          To be run where {archive.name} lies: <Download archive={archive} />
        </>
      ) : (
        'files.tar.gz stands for the files, which are not chosen yet.'
      )}
    </Text>
  )
}

function Download({ archive: { name, blob } }: { archive: Archive }) {
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return (
    <Anchor href={url} download={name}>
      Download it
    </Anchor>
  )
}

/** `shown`: where the text is read. */
function Copy({ text, shown }: { text: string; shown: RefObject<HTMLElement | null> }) {
  const [said, setSaid] = useState('Copy')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setSaid('Copied')
    } catch {
      // A page that came over plain http from another computer has no clipboard but this old way.
      getSelection()?.selectAllChildren(shown.current!)
      setSaid(document.execCommand('copy') ? 'Copied' : 'Press Ctrl+C')
    }
  }
  return (
    <Button size="compact-sm" variant="default" onClick={() => void copy()} onBlur={() => setSaid('Copy')}>
      {said}
    </Button>
  )
}

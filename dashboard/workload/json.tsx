/** A JSON value as a tree that opens and closes, by mouse and keyboard. */
import { Anchor, Button, Group } from '@mantine/core'
import { useState } from 'react'

/** Children that are drawn at first; more on demand. */
const portion = 100

export function JsonTree({ value }: { value: unknown }) {
  return (
    <div className="json">
      <Node name={undefined} value={value} depth={0} />
    </div>
  )
}

function Node({ name, value, depth }: { name: string | undefined; value: unknown; depth: number }) {
  const [open, setOpen] = useState(depth < 2)
  const label = name === undefined ? null : <span className="json-name">{name}: </span>
  if (typeof value !== 'object' || value === null) {
    return (
      <div className="json-line">
        {label}
        <Leaf value={value} />
      </div>
    )
  }
  const children = Object.entries(value)
  const isList = Array.isArray(value)
  const about = isList ? `[${children.length}]` : `{${children.length}}`
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span className="json-about">{about}</span>
      </summary>
      {open && <Children entries={children} depth={depth} />}
    </details>
  )
}

function Children({ entries, depth }: { entries: readonly (readonly [string, unknown])[]; depth: number }) {
  const [most, setMost] = useState(portion)
  return (
    <div className="json-children">
      {entries.slice(0, most).map(([key, child]) => (
        <Node key={key} name={key} value={child} depth={depth + 1} />
      ))}
      {entries.length > most && (
        <Button size="compact-xs" variant="default" onClick={() => setMost(most + portion)}>
          {entries.length - most} more
        </Button>
      )}
    </div>
  )
}

function Leaf({ value }: { value: unknown }) {
  const kind = value === null ? 'null' : typeof value
  return <span className={`json-${kind}`}>{JSON.stringify(value)}</span>
}

export function Result({ id, value, error }: { id: string; value: unknown; error: string | undefined }) {
  if (error !== undefined) return <p>{error}</p>
  const text = JSON.stringify(value, null, 2)
  return (
    <>
      <JsonTree value={value} />
      <Group mt="xs">
        <Anchor size="sm" href={`data:application/json,${encodeURIComponent(text)}`} download={`${id}.result.json`}>
          Download it
        </Anchor>
      </Group>
    </>
  )
}

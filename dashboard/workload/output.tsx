/** The output of a workload: both streams in the order they came, coloured, followed, searched, wrapped, downloaded. */
import { Alert, Button, Checkbox, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import './workload.css'
import { pathOf, routes } from '../../src/api/routes.ts'
import { wordsOf } from '../api.ts'
import { bytes, counted } from '../format.ts'
import { Finder, useMatches } from './finder.tsx'
import type { FollowedLog, LogState } from './follow.ts'
import type { Lines } from './lines.ts'
import { RowsView } from './rowsview.tsx'
import type { Shown } from './rows.ts'
import { useRows } from './userows.ts'
import { useSight } from './window.ts'

interface OutputProps {
  readonly id: string
  readonly log: FollowedLog
  readonly state: LogState
  /** True while more is to come when the page is opened: then it begins at the end. */
  readonly live: boolean
}

/** Pixels of one character and of what stands beside the text, as style.css has them. */
const characterPx = 7.8
const besidePx = 70

export function Output({ id, log, state, live }: OutputProps) {
  const [shown, setShown] = useState<Shown>('both')
  const [wrap, setWrap] = useState(true)
  const [follow, setFollow] = useState(live)
  const [columns, setColumns] = useState(80)
  const rows = useRows(log.lines, { columns: wrap ? columns : undefined, shown }, state.version)
  const sight = useSight({ count: rows.count, follow, onFollow: setFollow })
  const fitting = Math.max(20, Math.floor((sight.width - besidePx) / characterPx))
  if (fitting !== columns) setColumns(fitting)
  const finder = useMatches(log.lines, state.version, (line) => {
    setFollow(false)
    sight.scrollTo(rows.rowOf(line))
  })
  return (
    <Stack gap="xs">
      <Group gap="xs" className="tools">
        <Streams value={shown} onChange={setShown} />
        <Checkbox label="Wrap" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} />
        {!state.ended && (
          <Checkbox label="Follow" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
        )}
        <Finder finder={finder} />
        <Downloads id={id} />
      </Group>
      {state.error !== undefined && (
        <Alert color="red" title="The output could not be read">
          {wordsOf(state.error)}
        </Alert>
      )}
      <RowsView lines={log.lines} rows={rows} sight={sight} words={finder.words} ended={state.ended} />
      <Sum lines={log.lines} goesOn={!state.ended && state.error === undefined} />
    </Stack>
  )
}

function Sum({ lines, goesOn }: { lines: Lines; goesOn: boolean }) {
  return (
    <Text size="sm" c="dimmed">
      {counted(lines.end, 'line')}, {bytes(lines.bytes)}
      {lines.first > 0 && `; the first ${counted(lines.first, 'line')} are only in the download`}
      {goesOn && '; more may come'}
    </Text>
  )
}

function Streams({ value, onChange }: { value: Shown; onChange: (value: Shown) => void }) {
  return (
    <SegmentedControl
      size="xs"
      aria-label="Which stream is shown"
      value={value}
      onChange={onChange}
      data={[
        { value: 'both', label: 'Both' },
        { value: 'stdout', label: 'stdout' },
        { value: 'stderr', label: 'stderr' },
      ]}
    />
  )
}

function Downloads({ id }: { id: string }) {
  return (['stdout', 'stderr'] as const).map((stream) => (
    <Button
      key={stream}
      component="a"
      size="xs"
      variant="default"
      href={pathOf(routes.output, { id, stream })}
      download={`${id}.${stream}.txt`}
      aria-label={`Download ${stream}`}
    >
      ↓ {stream}
    </Button>
  ))
}

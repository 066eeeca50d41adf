/** The rows of the list. Arrow keys walk through them, Enter opens one, Space picks it. */
import { Anchor, Checkbox, Paper } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { KeyboardEvent } from 'react'
import { hasEnded, type WorkloadSummary } from '../../src/api/workload.ts'
import { useNow } from '../clock.ts'
import { ago, duration, moment, shortId } from '../format.ts'
import { StatusBadge } from '../status.tsx'
import { askedFor, lasted, storyOf } from '../words.ts'

interface TableProps {
  readonly workloads: readonly WorkloadSummary[]
  /** Ids of at most two. */
  readonly picked: readonly string[]
  readonly onPick: (picked: readonly string[]) => void
  readonly filtered: boolean
}

export function Table({ workloads, picked, onPick, filtered }: TableProps) {
  const now = useNow()
  if (workloads.length === 0) return <Nothing filtered={filtered} />
  const pick = (id: string) =>
    onPick(picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id].slice(-2))
  return (
    <Paper className="list-frame">
      <table className="list">
        <caption className="visually-hidden">
          Workloads, newest first. Arrow keys move from one to the next, Space picks one to compare.
        </caption>
        <Head />
        <tbody onKeyDown={walk}>
          {workloads.map((workload) => (
            <Row
              key={workload.id}
              workload={workload}
              now={now}
              isPicked={picked.includes(workload.id)}
              onPick={pick}
            />
          ))}
        </tbody>
      </table>
    </Paper>
  )
}

function Head() {
  return (
    <thead>
      <tr>
        <th scope="col">
          <span className="visually-hidden">Compare</span>
        </th>
        <th scope="col">Workload</th>
        <th scope="col">Status</th>
        <th scope="col">Runtime</th>
        <th scope="col">What became of it</th>
        <th scope="col" className="number">
          Time
        </th>
        <th scope="col" className="number">
          Boot
        </th>
        <th scope="col">
          <span className="visually-hidden">Do</span>
        </th>
      </tr>
    </thead>
  )
}

interface RowProps {
  readonly workload: WorkloadSummary
  readonly now: number
  readonly isPicked: boolean
  readonly onPick: (id: string) => void
}

function Row({ workload, now, isPicked, onPick }: RowProps) {
  const { id, status, runtime, created_at: created, labels, run } = workload
  return (
    <tr data-picked={isPicked || undefined}>
      <td className="list-pick">
        <Checkbox
          size="xs"
          checked={isPicked}
          onChange={() => onPick(id)}
          aria-label={`Compare ${shortId(id)}`}
          tabIndex={-1}
        />
      </td>
      <th scope="row">
        <Anchor
          underline="hover"
          className="list-id"
          renderRoot={(props) => <Link to="/workloads/$id" params={{ id }} {...props} />}
        >
          {shortId(id)}
        </Anchor>
        <time className="list-time" dateTime={created} title={moment(created)}>
          {ago(created, now)}
        </time>
      </th>
      <td>
        <StatusBadge status={status} />
      </td>
      <td>{runtime}</td>
      <td className="list-story">
        {storyOf(workload, askedFor(workload)).title}
        <Labels labels={labels} />
      </td>
      <td className="number">{lasted(workload, now)}</td>
      <td className="number">{run && run.boot_ms > 0 ? duration(run.boot_ms) : '–'}</td>
      <td>{hasEnded(status) && <Again id={id} />}</td>
    </tr>
  )
}

function Labels({ labels }: Pick<WorkloadSummary, 'labels'>) {
  return Object.entries(labels).map(([name, value]) => (
    <span key={name} className="label">
      {name}={value}
    </span>
  ))
}

function Again({ id }: { id: string }) {
  return (
    <Anchor
      size="sm"
      aria-label={`Run again: ${shortId(id)}`}
      renderRoot={(props) => <Link to="/" search={{ again: id }} {...props} />}
    >
      Run again
    </Anchor>
  )
}

/** Up and down move between the links of the rows; Space picks the row. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('.list-id')]
  const row = event.target instanceof Element ? event.target.closest('tr') : null
  const at = links.findIndex((link) => link.closest('tr') === row)
  if (by !== undefined) {
    event.preventDefault()
    links[Math.min(links.length - 1, Math.max(0, at + by))]?.focus()
  } else if (event.key === ' ' && event.target === links[at]) {
    event.preventDefault()
    row?.querySelector<HTMLElement>('.list-pick input')?.click()
  }
}

function Nothing({ filtered }: { filtered: boolean }) {
  return (
    <Paper className="card nothing">
      {filtered ? (
        'None of the workloads that are known fits.'
      ) : (
        <>
          Nothing has run yet. <Anchor renderRoot={(props) => <Link to="/" {...props} />}>Run the first program</Anchor>
        </>
      )}
    </Paper>
  )
}

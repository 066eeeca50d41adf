/** Two runs side by side: what differs, and by how much. */
import './list.css'
import { Anchor, Title } from '@mantine/core'
import { useQueries } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import type { WorkloadRecord } from '../../src/api/workload.ts'
import { recordQuery, requestQuery } from '../api.ts'
import { Card } from '../card.tsx'
import { shortId } from '../format.ts'
import { usePageTitle } from '../title.ts'
import { Broken, NotTwo } from '../troubles.tsx'
import { textOf } from '../workload/ansi.ts'
import { askedRows, firstDifference, type Row, rowsOf } from './difference.ts'

export function ComparePage() {
  usePageTitle('Two runs')
  const { a, b } = useSearch({ from: '/compare' })
  const answers = useQueries({ queries: [a, b].filter((id) => id !== undefined).map(recordQuery) })
  const [left, right] = answers
  if (a === undefined || b === undefined) return <NotTwo />
  const error = answers.find((answer) => answer.error && !answer.data)?.error
  if (error) return <Broken error={error} />
  if (!left?.data || !right?.data) return <p className="loading">Asking for both…</p>
  return <Both left={left.data} right={right.data} />
}

function Both({ left, right }: { left: WorkloadRecord; right: WorkloadRecord }) {
  return (
    <>
      <div className="page-head">
        <Title order={1} size="h2">
          Two runs
        </Title>
      </div>
      <Asked left={left} right={right} />
      <Table title="Figures" of={[left, right]} rows={rowsOf(left, right)} />
      <Texts name="stdout" left={left.stdout} right={right.stdout} />
      <Texts name="stderr" left={left.stderr} right={right.stderr} />
    </>
  )
}

/** What was asked for, of both; of one that is not kept, nothing. */
function Asked({ left, right }: { left: WorkloadRecord; right: WorkloadRecord }) {
  const [one, other] = useQueries({ queries: [left, right].map(({ id }) => requestQuery(id)) })
  if (!one?.data && !other?.data) return null
  const code = [one?.data?.request.code, other?.data?.request.code] as const
  return (
    <>
      <Table title="What was asked for" of={[left, right]} rows={askedRows(one?.data, other?.data)} />
      {code[0] !== undefined && code[1] !== undefined && <Texts name="Code" left={code[0]} right={code[1]} />}
    </>
  )
}

interface TableProps {
  readonly title: string
  readonly of: readonly WorkloadRecord[]
  readonly rows: readonly Row[]
}

function Table({ title, of, rows }: TableProps) {
  return (
    <Card title={title}>
      <div className="list-frame">
        <table className="list compare">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">What</span>
              </th>
              {of.map(({ id }) => (
                <th scope="col" key={id}>
                  <Anchor renderRoot={(props) => <Link to="/workloads/$id" params={{ id }} {...props} />}>
                    {shortId(id)}
                  </Anchor>
                </th>
              ))}
              <th scope="col">Difference</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, left: one, right: other, difference }) => (
              <tr key={name} data-differs={one !== other || difference !== '' || undefined}>
                <th scope="row">{name}</th>
                <td>{one}</td>
                <td>{other}</td>
                <td className="number">{difference}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

/** Some lines around one, without what only a terminal would read. */
const excerptOf = (text: string, line: number): string =>
  text
    .split('\n')
    .slice(Math.max(0, line - 4), line + 30)
    .map(textOf)
    .join('\n')

function Texts({ name, left, right }: { name: string; left: string; right: string }) {
  const line = firstDifference(left, right)
  if (left === '' && right === '') return null
  return (
    <Card title={name} aside={line === undefined ? 'the same' : `differs from line ${line} on`}>
      {line !== undefined && (
        <div className="side-by-side">
          {[left, right].map((text, at) => (
            // The keyboard must reach what scrolls. There are two, in order.
            // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex, react/no-array-index-key
            <pre
              key={at}
              className="excerpt"
              tabIndex={0}
              role="region"
              aria-label={`${name} of the ${at === 0 ? 'left' : 'right'} run`}
            >
              {excerptOf(text, line)}
            </pre>
          ))}
        </div>
      )}
    </Card>
  )
}

/** All workloads that are known, newest first; filters in the address, new ones without loading anew. */
import './list.css'
import { Button, Group, NativeSelect, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { runtimes } from '../../src/api/runtimes.ts'
import { statuses } from '../../src/api/workload.ts'
import { listQuery, live, statsQuery } from '../api.ts'
import { useLive } from '../live.ts'
import type { ListSearch } from '../router.tsx'
import { usePageTitle } from '../title.ts'
import { Broken } from '../troubles.tsx'
import { Table } from './table.tsx'

export function ListPage() {
  usePageTitle('Workloads')
  const search = useSearch({ from: '/workloads' })
  useLive(live)
  const { data, error } = useQuery(listQuery(search))
  const [picked, setPicked] = useState<readonly string[]>([])
  if (error && !data) return <Broken error={error} />
  return (
    <>
      <div className="page-head">
        <Title order={1} size="h2">
          Workloads
        </Title>
        {data?.workloads.length !== 0 && <Compare picked={picked} />}
      </div>
      <Filters search={search} />
      {data ? (
        <Table workloads={data.workloads} picked={picked} onPick={setPicked} filtered={isFiltered(search)} />
      ) : (
        <p className="loading">Asking for the list…</p>
      )}
      <Pages search={search} next={data?.next_cursor} />
    </>
  )
}

const isFiltered = (search: ListSearch): boolean => Object.values(search).some((value) => value !== undefined)

function Compare({ picked: [a, b] }: { picked: readonly string[] }) {
  if (a === undefined || b === undefined) {
    return <span className="hint">{a === undefined ? 'Pick two to compare them' : 'Pick one more to compare'}</span>
  }
  return <Button renderRoot={(props) => <Link to="/compare" search={{ a, b }} {...props} />}>Compare these two</Button>
}

function Filters({ search }: { search: ListSearch }) {
  const navigate = useNavigate({ from: '/workloads' })
  const { data: stats } = useQuery(statsQuery)
  // Another filter begins at its first page.
  const filter = (changes: ListSearch) =>
    void navigate({ search: { ...search, cursor: undefined, ...changes }, replace: true })
  const count = (status: (typeof statuses)[number]) => (stats ? ` (${stats.workloads[status]})` : '')
  return (
    <Group gap="sm" mb="md" align="flex-end" className="filters">
      <NativeSelect
        label="Status"
        value={search.status ?? ''}
        onChange={(event) => filter({ status: event.currentTarget.value || undefined })}
        data={[{ value: '', label: 'all' }, ...statuses.map((value) => ({ value, label: value + count(value) }))]}
      />
      <NativeSelect
        label="Runtime"
        value={search.runtime ?? ''}
        onChange={(event) => filter({ runtime: event.currentTarget.value || undefined })}
        data={[{ value: '', label: 'all' }, ...runtimes.map(({ name }) => ({ value: name, label: name }))]}
      />
      <LabelFilter key={search.label} label={search.label} onFilter={(label) => filter({ label })} />
      {isFiltered(search) && (
        <Button variant="default" onClick={() => void navigate({ search: {} })}>
          Clear
        </Button>
      )}
    </Group>
  )
}

/** Filters when it is whole: half a label is none. */
function LabelFilter({ label, onFilter }: { label: string | undefined; onFilter: (label?: string) => void }) {
  const [text, setText] = useState(label ?? '')
  const isWhole = text === '' || /^[^=]+=/.test(text)
  const done = () => {
    if (isWhole && text !== (label ?? '')) onFilter(text || undefined)
  }
  return (
    <TextInput
      label="Label"
      placeholder="name=value"
      value={text}
      error={!isWhole}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={done}
      onKeyDown={(event) => {
        if (event.key === 'Enter') done()
      }}
    />
  )
}

function Pages({ search, next }: { search: ListSearch; next: string | undefined }) {
  return (
    <Group mt="md" gap="sm">
      {search.cursor !== undefined && (
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/workloads" search={{ ...search, cursor: undefined }} {...props} />}
        >
          To the newest
        </Button>
      )}
      {next !== undefined && (
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/workloads" search={{ ...search, cursor: next }} {...props} />}
        >
          Older ones
        </Button>
      )}
    </Group>
  )
}

/** What a workload was asked for. Values of its environment are not shown: somebody may look over a shoulder. */
import { Anchor, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { pathOf, routes } from '../../src/api/routes.ts'
import type { KeptRequest } from '../../src/api/request.ts'
import { codeOf, requestQuery, wordsOf } from '../api.ts'
import { Card, Facts, type Fact } from '../card.tsx'
import { bytes, counted } from '../format.ts'
import { networkWords } from '../words.ts'

export function Request({ id }: { id: string }) {
  const { data, error } = useQuery(requestQuery(id))
  if (!data && !error) return null
  return (
    <Card title="What was asked for">
      {data ? (
        <Asked id={id} kept={data} />
      ) : (
        <Text size="sm" c="dimmed">
          {codeOf(error) === 'not_found'
            ? 'The server does not keep it, so it cannot be run again from here.'
            : wordsOf(error)}
        </Text>
      )}
    </Card>
  )
}

function Asked({ id, kept }: { id: string; kept: KeptRequest }) {
  const { request, withheld } = kept
  return (
    <>
      <Facts facts={factsOf(id, kept)} />
      {request.code !== undefined && <Given name="Code" text={request.code} />}
      {request.input !== undefined && <Given name="Input" text={JSON.stringify(request.input, null, 2)} />}
      {request.stdin !== undefined && <Given name="Standard input" text={request.stdin} />}
      {withheld.length > 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          Only the key that handed it in, or an admin, is told more: {withheld.join(', ')}.
        </Text>
      )}
    </>
  )
}

function factsOf(id: string, { request, env_names: names, archive, withheld }: KeptRequest): Fact[] {
  const { entrypoint, resources = {}, network, args = [], priority = 0 } = request
  const mayRead = withheld.length === 0 && archive?.kept
  const href = pathOf(routes.archive, { id })
  const fact = (name: string, value: Fact['value'], shown = true): Fact[] => (shown ? [{ name, value }] : [])
  return [
    ...fact('Entry point', <code>{entrypoint}</code>, entrypoint !== undefined),
    ...(archive ? fact('Archive', `${archive.format}, ${bytes(archive.bytes)}`) : []),
    ...fact('Its file', <Anchor href={href}>Download it</Anchor>, mayRead === true),
    ...fact('Cores', resources.cpus),
    ...fact('Memory', `${resources.mem_mb} MiB`),
    ...fact('Time', `${resources.timeout_s} s`),
    ...fact('Disk', `${resources.disk_mb} MiB`),
    ...fact('Processes', resources.pids),
    ...fact('Network', networkWords(network)),
    ...fact('Arguments', <code>{args.map((arg) => JSON.stringify(arg)).join(' ')}</code>, args.length > 0),
    ...fact('Environment', <code>{names.join(' ')}</code>, names.length > 0),
    ...fact('Priority', priority, priority !== 0),
  ]
}

/** Text that may be long: folded away until somebody wants to see it. */
function Given({ name, text }: { name: string; text: string }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="given" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name}, {counted(text.replace(/\n$/, '').split('\n').length, 'line')}
      </summary>
      {isOpen && (
        // It scrolls, so the keyboard must reach it.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre tabIndex={0} role="region" aria-label={name}>
          {text.slice(0, shownMost)}
          {text.length > shownMost && '\n…'}
        </pre>
      )}
    </details>
  )
}

/** Characters that are drawn of one text. */
const shownMost = 20_000

/** The pages for when there is nothing to show: no server, no key, no such thing. */
import { Alert, Anchor, Code, List, Stack, Text, Title } from '@mantine/core'
import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { codeOf, wordsOf } from './api.ts'
import { usePageTitle } from './title.ts'

function Trouble({ title, children }: { title: string; children: ReactNode }) {
  usePageTitle(title)
  return (
    <Stack className="trouble" gap="md">
      <Title order={1}>{title}</Title>
      {children}
    </Stack>
  )
}

export function NotFound() {
  return (
    <Trouble title="There is no such page">
      <Text>The address leads nowhere.</Text>
      <Elsewhere />
    </Trouble>
  )
}

function NoWorkload() {
  return (
    <Trouble title="There is no such workload">
      <Text>The server does not know it. One that ended long ago may have been forgotten.</Text>
      <Elsewhere />
    </Trouble>
  )
}

/** For a comparison of fewer than two. */
export function NotTwo() {
  return (
    <Trouble title="Nothing to compare">
      <Text>It takes two workloads: pick them in the list.</Text>
      <Elsewhere />
    </Trouble>
  )
}

function Elsewhere() {
  return (
    <Text>
      <Anchor renderRoot={(props) => <Link to="/workloads" {...props} />}>All workloads</Anchor> or{' '}
      <Anchor renderRoot={(props) => <Link to="/" {...props} />}>a new run</Anchor>
    </Text>
  )
}

/** `failed`: a link was tried that is used or too old. */
export function NoKey({ failed }: { failed: boolean }) {
  return (
    <Trouble title="Come in with a link">
      {failed && (
        <Alert color="ember" title="That link is used up">
          A link is good once, and for two minutes. Make a new one.
        </Alert>
      )}
      <Text>This server answers only to those who have its key. Where the server runs, on its command line, say:</Text>
      <Code block className="command">
        vulcan open
      </Code>
      <List spacing="xs">
        <List.Item>It opens this page in your browser, let in for twelve hours.</List.Item>
        <List.Item>
          Without a desktop there, <Code>vulcan open --print</Code> prints the link for you to open here.
        </List.Item>
        <List.Item>
          Over SSH, forward the port first: <Code>ssh -L 7777:127.0.0.1:7777 HOST</Code>
        </List.Item>
      </List>
    </Trouble>
  )
}

export function NoServer({ error }: { error: unknown }) {
  return (
    <Trouble title="The server does not answer">
      <Text>
        This page tries again by itself every two seconds, and goes on where it was. If the server was stopped:
      </Text>
      <Code block className="command">
        vulcan up
      </Code>
      <Text c="dimmed" size="sm">
        {wordsOf(error)}
      </Text>
    </Trouble>
  )
}

/** A page whose data could not be had, or which itself broke. */
export function Broken({ error }: Pick<ErrorComponentProps, 'error'> | { error: unknown }) {
  // Nothing else is asked for by its name.
  if (codeOf(error) === 'not_found') return <NoWorkload />
  return (
    <Trouble title="This page could not be shown">
      <Alert color="red" title={codeOf(error)}>
        {wordsOf(error)}
      </Alert>
      <Text>
        <Anchor href={location.href}>Load it again</Anchor>
      </Text>
    </Trouble>
  )
}

/** What can be done with a workload. */
import { Alert, Button, Group, Modal, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { hasEnded, type WorkloadRecord } from '../../src/api/workload.ts'
import { client, codeOf, recordQuery, requestQuery, wordsOf } from '../api.ts'

export function Actions({ record }: { record: WorkloadRecord }) {
  const { id, status } = record
  return (
    <Group gap="xs">
      <Button variant="default" renderRoot={(props) => <Link to="/workloads/$id/inside" params={{ id }} {...props} />}>
        Look inside
      </Button>
      {hasEnded(status) ? <Again id={id} /> : <Kill id={id} />}
    </Group>
  )
}

function Again({ id }: { id: string }) {
  const { error } = useQuery(requestQuery(id))
  if (error) return null
  return <Button renderRoot={(props) => <Link to="/" search={{ again: id }} {...props} />}>Run again</Button>
}

/** Asks before it kills. */
function Kill({ id }: { id: string }) {
  const [asks, setAsks] = useState(false)
  const kill = useKill(id, () => setAsks(false))
  return (
    <>
      <Button color="red.9" onClick={() => setAsks(true)}>
        Kill
      </Button>
      {/* In parts: Modal's own header would be a second banner of the page. */}
      <Modal.Root opened={asks} onClose={() => setAsks(false)} centered lockScroll={false}>
        <Modal.Overlay />
        <Modal.Content>
          <Modal.Body pt="md">
            <Modal.Title mb="sm" fw={600}>
              Kill this workload?
            </Modal.Title>
            <Text size="sm">Its program ends at once and its microVM is removed. What it wrote so far is kept.</Text>
            {kill.error && <Alert color="red">{wordsOf(kill.error)}</Alert>}
            <Group justify="flex-end" mt="md">
              <Button variant="default" onClick={() => setAsks(false)} data-autofocus>
                Let it run
              </Button>
              <Button color="red.9" loading={kill.isPending} onClick={() => kill.mutate()}>
                Kill it
              </Button>
            </Group>
          </Modal.Body>
        </Modal.Content>
      </Modal.Root>
    </>
  )
}

/** One that has ended meanwhile is no fault. */
function useKill(id: string, onDone: () => void) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: async () => {
      await client.kill(id).catch((error: unknown) => {
        if (codeOf(error) !== 'already_ended') throw error
      })
    },
    onSuccess: async () => {
      onDone()
      await cache.invalidateQueries({ queryKey: recordQuery(id).queryKey })
    },
  })
}

/** Files to run: dropped or picked, shown as a tree before they go, with the entry point to choose. */
import '@mantine/dropzone/styles.css'
import { Alert, Autocomplete, Button, Group, Text } from '@mantine/core'
import { Dropzone, type FileWithPath } from '@mantine/dropzone'
import { useRef, useState, type ChangeEvent } from 'react'
import { wordsOf } from '../api.ts'
import { bytes, counted } from '../format.ts'
import { archiveFrom, entrypointsIn, runtimeIn, type Archive, type Placed } from './archive.ts'
import { entryOf, type Entry } from './entrypoint.ts'
import { withRuntime } from './form.ts'
import type { Submission } from './submission.ts'
import { Tree } from './tree.tsx'

/** A drop knows the path below the folder, a picker gives it by another name. */
type Picked = File & Partial<Pick<FileWithPath, 'path'>>

const placedOf = (file: Picked): Placed => ({
  path: (file.webkitRelativePath || file.path || file.name).replace(/^\.?\//, ''),
  file,
})

export function Files({ submission }: { submission: Submission }) {
  const { form, archive, setArchive, faults } = submission
  const [trouble, setTrouble] = useState<string>()
  const [busy, setBusy] = useState(false)
  const take = async (files: readonly Picked[]) => {
    setBusy(true)
    setTrouble(undefined)
    try {
      const made = await archiveFrom(files.map(placedOf))
      setArchive(made, withRuntime(form, runtimeIn(made.paths ?? []) ?? form.runtime))
    } catch (error) {
      setTrouble(`These could not be read: ${wordsOf(error)}`)
    } finally {
      setBusy(false)
    }
  }
  const wrong = trouble ?? faults.files
  return (
    <>
      <Drop busy={busy} onTake={(files) => void take(files)} />
      <Pickers onTake={(files) => void take(files)} />
      {wrong !== undefined && (
        <Alert color="red" mt="sm" role="alert">
          {wrong}
        </Alert>
      )}
      {archive && <Chosen archive={archive} submission={submission} />}
    </>
  )
}

function Drop({ busy, onTake }: { busy: boolean; onTake: (files: readonly Picked[]) => void }) {
  return (
    <Dropzone
      onDrop={onTake}
      // Of an empty folder nothing comes, and nobody would be told.
      onDropAny={(files) => files.length === 0 && onTake(files)}
      loading={busy}
      className="drop"
      inputProps={{ 'aria-label': 'Files or an archive' }}
      aria-label="Drop files here, or press Enter to choose them"
    >
      <Text ta="center">
        Drop a folder, files, or one archive here
        <Text span size="sm" c="dimmed" display="block">
          tar.gz, tar, tar.zst or zip; several files are packed here, in your browser
        </Text>
      </Text>
    </Dropzone>
  )
}

function Pickers({ onTake }: { onTake: (files: readonly Picked[]) => void }) {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  const taken = ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
    if (currentTarget.files?.length) onTake([...currentTarget.files])
    // The same choice again is a choice too.
    currentTarget.value = ''
  }
  return (
    <Group gap="xs" mt="sm">
      <Button variant="default" size="xs" onClick={() => files.current?.click()}>
        Choose files or an archive
      </Button>
      <Button variant="default" size="xs" onClick={() => folder.current?.click()}>
        Choose a folder
      </Button>
      <input ref={files} type="file" multiple hidden onChange={taken} data-testid="files" />
      {/* React has no type for the attribute, which every browser has. */}
      <input ref={folder} type="file" hidden onChange={taken} data-testid="folder" {...{ webkitdirectory: '' }} />
    </Group>
  )
}

function Chosen({ archive, submission }: { archive: Archive; submission: Submission }) {
  const { form, setArchive } = submission
  const { name, blob, paths, leftOut } = archive
  const entry = entryOf(archive, form.runtime)
  return (
    <div className="chosen">
      <Group justify="space-between" gap="xs">
        <Text size="sm">
          <b>{name}</b>, {bytes(blob.size)}
          {paths && `, ${counted(paths.length, 'file')}`}
          {leftOut > 0 && ` (${leftOut} of version control and caches left out)`}
        </Text>
        <Button size="compact-xs" variant="default" onClick={() => setArchive(undefined)}>
          Take it away
        </Button>
      </Group>
      {paths ? (
        <Tree paths={paths} chosen={form.entrypoint || (typeof entry === 'object' ? entry.at : undefined)} />
      ) : (
        <Text size="sm" c="dimmed">
          What is in it the server will see.
        </Text>
      )}
      <EntryPoint entry={entry} paths={paths ?? []} submission={submission} />
    </div>
  )
}

interface EntryPointProps {
  readonly entry: Entry
  readonly paths: readonly string[]
  readonly submission: Submission
}

function EntryPoint({ entry, paths, submission: { form, faults, change } }: EntryPointProps) {
  return (
    <Autocomplete
      label="Entry point"
      description={entryWords(entry)}
      data={entrypointsIn(paths, form.runtime).slice(0, 50)}
      value={form.entrypoint}
      onChange={(entrypoint) => change({ entrypoint })}
      error={faults.entrypoint}
      mt="sm"
    />
  )
}

function entryWords(entry: Entry): string {
  if (entry === 'chosen') return 'One has to be chosen: the server cannot tell where this program begins'
  if (entry === 'found') return 'Empty: the server finds it'
  return `Empty: the server takes ${entry.at === '.' ? 'the Go files at the top' : entry.at}`
}

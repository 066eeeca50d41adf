/** The state of the form and of its way to the server. */
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { statsQuery } from '../api.ts'
import type { Beginning } from './again.ts'
import { answerOf, nothing, without, type Answer } from './answer.ts'
import type { Archive } from './archive.ts'
import { requestOf, type Faults, type Field, type Form } from './form.ts'
import { send, type Sending } from './upload.ts'

export interface Submission {
  readonly form: Form
  readonly archive: Archive | undefined
  /** What is wrong with fields: as typed, and as the server said. */
  readonly faults: Faults
  /** What the server said that belongs to no field. */
  readonly trouble: string | undefined
  /** Share of the upload that has gone; undefined when nothing is on its way. */
  readonly progress: number | undefined
  readonly change: (changes: Partial<Form>) => void
  readonly setArchive: (archive: Archive | undefined, changes?: Partial<Form>) => void
  readonly submit: () => void
  /** Takes back what is on its way. */
  readonly cancel: () => void
}

export function useSubmission(beginning: Pick<Beginning, 'form' | 'archive'>): Submission {
  const [{ form, archive }, setForm] = useState(beginning)
  const [answer, setAnswer] = useState(nothing)
  const { progress, begin, cancel } = useSending(setAnswer)
  const { data: stats } = useQuery(statsQuery)
  const { request, faults: typed } = requestOf(form, stats?.limits)
  const missing: Faults = form.source === 'files' && !archive ? { files: 'Choose the files first.' } : {}
  const faults = { ...answer.faults, ...typed }

  const change = (changes: Partial<Form>) => {
    setForm((now) => ({ ...now, form: { ...now.form, ...changes } }))
    // What the server said holds no more for what was changed since.
    setAnswer(({ faults: said }) => ({ faults: without(said, Object.keys(changes) as Field[]), trouble: undefined }))
  }
  const setArchive = (next: Archive | undefined, changes: Partial<Form> = {}) => {
    setForm((now) => ({ form: { ...now.form, ...changes }, archive: next }))
    setAnswer(nothing)
  }
  const submit = () => {
    if (progress !== undefined) return
    const wrong = { ...typed, ...missing }
    if (Object.keys(wrong).length > 0) {
      setAnswer({ faults: wrong, trouble: 'Some fields need another look.' })
      return
    }
    const blob = form.source === 'files' ? archive?.blob : undefined
    setAnswer(nothing)
    begin({ request, archive: blob })
  }
  useSubmitKey(submit)
  return { form, archive, faults, trouble: answer.trouble, progress, change, setArchive, submit, cancel }
}

/** One upload at a time. */
function useSending(onRefused: (answer: Answer) => void) {
  const [progress, setProgress] = useState<number>()
  const navigate = useNavigate()
  const going = useRef<AbortController>(null)
  const cancel = () => going.current?.abort()
  const begin = (what: Pick<Sending, 'request' | 'archive'>) => {
    const { signal } = (going.current = new AbortController())
    setProgress(0)
    send({ ...what, onProgress: setProgress, signal }).then(
      ({ id }) => void navigate({ to: '/workloads/$id', params: { id } }),
      (error: unknown) => {
        setProgress(undefined)
        if (!signal.aborted) onRefused(answerOf(error))
      },
    )
  }
  // Whoever leaves the page is not to be brought to its workload later.
  useEffect(() => cancel, [])
  return { progress, begin, cancel }
}

/** Ctrl+Enter, wherever on the page: in the editor Enter is a new line. */
function useSubmitKey(submit: () => void): void {
  const latest = useRef(submit)
  useEffect(() => {
    latest.current = submit
  })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      latest.current()
    }
    window.addEventListener('keydown', onKey, { capture: true })
    return () => window.removeEventListener('keydown', onKey, { capture: true })
  }, [])
}

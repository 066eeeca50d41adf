/** A new run: what, how, and the same as a command. */
import './submit.css'
import { Alert, Button, Progress, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { backendsQuery } from '../api.ts'
import { usePageTitle } from '../title.ts'
import { Settings } from './settings.tsx'
import { SnippetCard } from './snippetcard.tsx'
import { Source } from './source.tsx'
import { useSubmission, type Submission } from './submission.ts'

export function SubmitPage() {
  const { again } = useSearch({ from: '/' })
  return <SubmitForm key={again ?? ''} again={again} />
}

function SubmitForm({ again }: { again: string | undefined }) {
  usePageTitle('Run a program')
  const submission = useSubmission(again)
  const { data: backends = [] } = useQuery(backendsQuery)
  const offline = backends.filter(({ online }) => !online)
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submission.submit()
      }}
    >
      <div className="page-head">
        <Title order={1} size="h2">
          Run a program in a microVM
        </Title>
      </div>
      {backends.length > 0 && offline.length === backends.length && (
        <Alert color="red" mb="md" title="Nothing can run here now">
          {offline.map(({ reason }) => reason).join('; ')}
        </Alert>
      )}
      <div className="two">
        <div className="two-main">
          <Source submission={submission} />
          <Send submission={submission} />
          <SnippetCard submission={submission} />
        </div>
        <div className="two-side">
          <Settings submission={submission} backends={backends} />
        </div>
      </div>
    </form>
  )
}

function Send({ submission }: { submission: Submission }) {
  const { trouble, progress } = submission
  return (
    <div className="send">
      {trouble !== undefined && (
        <Alert color="red" mb="sm" title="It was not accepted" role="alert">
          {trouble}
        </Alert>
      )}
      {progress !== undefined && submission.archive && <Progress value={progress * 100} mb="sm" aria-label="Upload" />}
      <Button type="submit" size="md" loading={progress !== undefined}>
        Run it
      </Button>
      <span className="send-hint">or Ctrl+Enter</span>
    </div>
  )
}

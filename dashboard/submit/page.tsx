/** A new run: what, how, and the same as a command. */
import './submit.css'
import { Alert, Anchor, Button, Progress, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'
import { backendsQuery, codeOf, wordsOf } from '../api.ts'
import { shortId } from '../format.ts'
import { usePageTitle } from '../title.ts'
import { againQuery, type Beginning, fresh } from './again.ts'
import { Settings } from './settings.tsx'
import { SnippetCard } from './snippetcard.tsx'
import { Source } from './source.tsx'
import { useSubmission, type Submission } from './submission.ts'

export function SubmitPage() {
  const { again } = useSearch({ from: '/' })
  usePageTitle('Run a program')
  return again === undefined ? <SubmitForm key="" beginning={fresh} /> : <Again key={again} id={again} />
}

/** Begins from what another workload was asked for. */
function Again({ id }: { id: string }) {
  const { data, error } = useQuery(againQuery(id))
  if (data) return <SubmitForm beginning={data} again={id} />
  if (!error) return <p className="loading">Asking what was asked for…</p>
  const lacking = codeOf(error) === 'not_found' ? ['The server does not keep what was asked for.'] : [wordsOf(error)]
  return <SubmitForm beginning={{ ...fresh, lacking }} again={id} />
}

function SubmitForm({ beginning, again }: { beginning: Beginning; again?: string }) {
  const submission = useSubmission(beginning)
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
      {again !== undefined && <AsBefore id={again} lacking={beginning.lacking} />}
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

/** Which workload the form was filled in from, and what it could not be filled in with. */
function AsBefore({ id, lacking }: { id: string; lacking: readonly string[] }) {
  const link = (
    <Anchor renderRoot={(props) => <Link to="/workloads/$id" params={{ id }} {...props} />}>{shortId(id)}</Anchor>
  )
  if (lacking.length === 0) return <p className="as-before">As workload {link} was asked for; change what you like.</p>
  return (
    <Alert color="ember" mb="md" title={<>Not all of workload {link} is here</>}>
      {lacking.map((words) => (
        <p key={words} className="said">
          {words}
        </p>
      ))}
    </Alert>
  )
}

function Send({ submission }: { submission: Submission }) {
  const { trouble, progress, cancel } = submission
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
      {progress === undefined ? (
        <span className="send-hint">or Ctrl+Enter</span>
      ) : (
        <Button variant="default" size="md" ml="sm" onClick={cancel}>
          Cancel
        </Button>
      )}
    </div>
  )
}

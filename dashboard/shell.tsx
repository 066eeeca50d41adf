/** What surrounds every page: the head with its links, and the word that the server is away. */
import { ActionIcon, Alert, Anchor, Group, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useRouterState, useSearch } from '@tanstack/react-router'
import { Suspense } from 'react'
import { codeOf, isShutOut, statsQuery } from './api.ts'
import { NoKey, NoServer } from './troubles.tsx'

export function Shell() {
  return (
    <>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="head">
        <Link to="/" className="brand" aria-label="Vulcan: a new run">
          <Mark />
          <span className="brand-name">Vulcan</span>
        </Link>
        <nav aria-label="Pages">
          <Group gap="0.25rem" wrap="nowrap">
            <NavLink to="/" name="Run" />
            <NavLink to="/workloads" name="Workloads" />
            <NavLink to="/system" name="System" />
          </Group>
        </nav>
        <Live />
        <ThemeSwitch />
      </header>
      <main id="page" tabIndex={-1}>
        <Gate />
      </main>
    </>
  )
}

/** Lets the page through once the server is known to be there and to let us in. */
function Gate() {
  const { data, error } = useQuery(statsQuery)
  const failed = useSearch({ strict: false }).login === 'failed'
  if (isShutOut(error)) return <NoKey failed={failed} />
  // A key that may only run cannot read the figures, and needs none of them.
  const isIn = data !== undefined || (error && codeOf(error) === 'forbidden')
  if (!isIn) return error ? <NoServer error={error} /> : <p className="loading">Asking the server…</p>
  return (
    <>
      {error && codeOf(error) !== 'forbidden' && (
        <Alert color="ember" title="The server does not answer" mb="md" role="status">
          It is tried again every two seconds. What is shown is from before.
        </Alert>
      )}
      <Suspense fallback={<p className="loading">Loading the page…</p>}>
        <Outlet />
      </Suspense>
    </>
  )
}

function NavLink({ to, name }: { to: '/' | '/workloads' | '/system'; name: string }) {
  const path = useRouterState({ select: (state) => state.location.pathname })
  const here = to === '/' ? path === '/' : path.startsWith(to) || (to === '/workloads' && path === '/compare')
  return (
    <Anchor
      className="nav-link"
      underline="never"
      data-here={here || undefined}
      aria-current={here ? 'page' : undefined}
      renderRoot={(props) => <Link to={to} {...props} />}
    >
      {name}
    </Anchor>
  )
}

/** How much goes on, where there is room for it. */
function Live() {
  const { data } = useQuery(statsQuery)
  if (!data) return <span className="live" />
  const { vms, queue } = data
  return (
    <span className="live">
      {vms.running} of {vms.max} vms{queue.waiting > 0 && `, ${queue.waiting} waiting`}
    </span>
  )
}

function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const other = useComputedColorScheme('light') === 'light' ? 'dark' : 'light'
  return (
    <ActionIcon variant="default" size="lg" onClick={() => setColorScheme(other)} aria-label={`Use the ${other} theme`}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <path fill="currentColor" d="M10 2a8 8 0 1 0 0 16V2z" />
        <circle cx="10" cy="10" r="7.250" fill="none" stroke="currentColor" strokeWidth="1.500" />
      </svg>
    </ActionIcon>
  )
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#c2410c" />
      <path d="M6 8h6l4 10 4-10h6L18.500 26h-5z" fill="#fff" />
    </svg>
  )
}

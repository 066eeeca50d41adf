/** A titled part of a page, and a list of names with values. */
import { Paper, Title } from '@mantine/core'
import type { ReactNode } from 'react'

export function Card({ title, children, aside }: { title: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <Paper component="section" className="card" aria-label={title}>
      <div className="card-head">
        <Title order={2} size="h4">
          {title}
        </Title>
        {aside !== undefined && <div className="card-aside">{aside}</div>}
      </div>
      {children}
    </Paper>
  )
}

export interface Fact {
  readonly name: string
  readonly value: ReactNode
  /** What the name means. */
  readonly about?: string | undefined
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <>
      <dl className="facts">
        {facts.map(({ name, value, about }) => (
          <div key={name}>
            <dt title={about}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Meanings of={facts} />
    </>
  )
}

/** What names mean, for who cannot point at them to be told. */
export function Meanings({ of }: { of: readonly Pick<Fact, 'name' | 'about'>[] }) {
  const told = of.filter(({ about }) => about !== undefined)
  if (told.length === 0) return null
  return (
    <details className="meanings">
      <summary>What the words mean</summary>
      <dl>
        {told.map(({ name, about }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{about}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

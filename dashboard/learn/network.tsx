/** The network of this run, drawn: the way of a packet, and each rule of the firewall that it meets. */
import type { Firewall } from '../../src/api/firewall.ts'
import type { RunRecord } from '../../src/api/workload.ts'
import { Card } from '../card.tsx'
import { counted } from '../format.ts'
import { chaptersOf, type Chapter } from './rules.ts'
import { zonesOf, type Zone } from './way.ts'

export function Network({ run: { details, firewall } }: { run: RunRecord }) {
  if (!details) return null
  const { mode } = details.network
  const zones = zonesOf(details.network, firewall)
  if (zones.length === 0) {
    return (
      <Card title="The way of a packet" aside="network mode none">
        There is none: this vm was made without any network interface. It could talk to its host by vsock alone.
      </Card>
    )
  }
  return (
    <Card title="The way of a packet" aside={`network mode ${mode}`}>
      <ol className="zones" aria-label="From the guest outwards">
        {zones.map((zone) => (
          <Place key={zone.name} zone={zone} />
        ))}
      </ol>
    </Card>
  )
}

function Place({ zone: { name, own, hops } }: { zone: Zone }) {
  return (
    <li className="zone">
      <h3>
        {name}
        {own !== undefined && <code>{own}</code>}
      </h3>
      <ol>
        {hops.map((hop) => (
          <li key={hop.name} className="hop">
            <h4>{hop.name}</h4>
            {hop.own.map((each) => (
              <code key={each}>{each}</code>
            ))}
            <p>{hop.about}</p>
          </li>
        ))}
      </ol>
    </li>
  )
}

export function Rules({ firewall }: { firewall: Firewall }) {
  const chapters = chaptersOf(firewall)
  const count = chapters.reduce((sum, { rules }) => sum + rules.length, 0)
  return (
    <Card title="The firewall’s rules for this vm" aside={`${counted(count, 'rule')}, table ${firewall.table}`}>
      <p className="frames-about">
        As they were handed to nft, in the order in which a packet meets them. Under a rule stands what its set holds:
        of this vm, where the set has a place for each vm.
      </p>
      <div className="chains">
        {chapters.map((chapter) => (
          <Chain key={chapter.name} chapter={chapter} />
        ))}
      </div>
    </Card>
  )
}

function Chain({ chapter: { name, about, rules } }: { chapter: Chapter }) {
  return (
    <section className="chain" aria-label={`Chain ${name}`}>
      <h3>
        <code>{name}</code> <span>{about}</span>
      </h3>
      <ol>
        {rules.map(({ text, meaning, holds }) => (
          <li key={text}>
            <code className="rule">{text}</code>
            <p>{meaning}</p>
            {holds.length > 0 && (
              <p className="rule-holds">
                {holds.map((each) => (
                  <code key={each}>{each}</code>
                ))}
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}

/** What of this room's facts the operator should read, in words. */
import type { Facts } from '../base/facts.ts'
import type { Say } from '../base/say.ts'
import type { FirecrackerFacts } from './facts.ts'

export function tellNews(facts: Facts<FirecrackerFacts>, say: Say): void {
  facts.on('vm.leftover', ({ vmId, message }) => say(`vm ${vmId} left something behind: ${message}`, 'warning'))
  facts.on('template.built', ({ runtime, memMib, ms }) =>
    say(`made a template of ${runtime} with ${memMib} MiB in ${(ms / 1000).toFixed(1)} s`),
  )
  facts.on('template.failed', ({ runtime, memMib, message }) =>
    say(`no template of ${runtime} with ${memMib} MiB: ${message}`, 'warning'),
  )
  facts.on('pool.failed', ({ runtime, memMib, message }) =>
    say(`no vm of ${runtime} with ${memMib} MiB could be made ready: ${message}`, 'warning'),
  )
  let isTold = false
  facts.on('pool.uncopied', ({ message }) => {
    // This host forbids it or does not: once is enough.
    if (!isTold) say(`vms that wait are slower than they could be: ${message}`, 'warning')
    isTold = true
  })
  facts.on('firewall.mended', ({ table, guests }) =>
    say(`the firewall's tables ${table} had been taken away; they were built anew, with ${guests} vms`, 'warning'),
  )
  facts.on('denials.unread', ({ message }) => say(`what vms are refused cannot be read: ${message}`, 'warning'))
  facts.on('nameserver.trouble', ({ message }) => say(`the name server of vms is in trouble: ${message}`, 'warning'))
  facts.on('vm.recovered', ({ vmId }) => say(`vm ${vmId} of an earlier server goes on`))
  facts.on('vm.recovery_failed', ({ vmId, message }) => say(`vm ${vmId} could not be taken up: ${message}`, 'error'))
}

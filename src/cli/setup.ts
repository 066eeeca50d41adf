/** vulcan setup: everything made beforehand, so that later commands find it. */
import { Command, Option, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { runtimes } from '../api/runtimes.ts'
import { buildKernel, useDebianKernel } from '../images/kernelbuild.ts'
import type { Act } from './cli.ts'
import { UsageError, type Context } from './context.ts'
import { ensureKey } from './key.ts'
import { choosePlace, prepareAll, workplaceOf } from './prepare.ts'
import { json } from './text.ts'

export function setupCommand(act: Act): CommandUnknownOpts {
  return new Command('setup')
    .description('make all that runs need: assets, kernels, images, and the machine where KVM is not usable')
    .addOption(
      new Option('--kernel <which>', 'guest kernel: Debian’s, or a smaller one built here').choices([
        'build',
        'debian',
      ] as const),
    )
    .option('--runtime <names...>', 'images of these runtimes only')
    .option('--json', 'where it is and where vms run, as JSON')
    .action((o) => act((context) => setup(context, o)))
}

interface Flags {
  readonly kernel?: 'build' | 'debian'
  readonly runtime?: readonly string[]
  readonly json?: true
}

async function setup(context: Context, o: Flags): Promise<void> {
  const known = runtimes.map(({ name }) => name as string)
  const wanted = o.runtime ?? known
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`--runtime ${unknown}: there are ${known.join(', ')}`)
  await ensureKey(context.config.home)
  if (o.kernel === 'debian') await useDebianKernel(workplaceOf(context))
  if (o.kernel === 'build') await buildKernel(workplaceOf(context))
  const place = await choosePlace(context)
  await prepareAll(context, place, wanted)
  if (o.json) return context.print(json({ home: context.config.home, place: place.kind, runtimes: wanted }))
  context.terminal.note(
    `all is set up in ${context.config.home}; vms run ${place.kind === 'host' ? 'on this host' : 'in the machine'}`,
  )
}

/**
 * Runs the contract on the Firecracker backend of the node it is started on (in the machine where there is one), beside the
 * server: with an instance, a home and a subnet of its own. One line of JSON a case; the words are names of cases to run.
 */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { namesIn } from '../../src/base/files.ts'
import { abortable, deadline } from '../../src/base/time.ts'
import { volatileOf } from '../../src/firecracker/names.ts'
import { openFirecracker } from '../../src/firecracker/open.ts'
import { locateAssets } from '../../src/images/assets.ts'
import { locateImage } from '../../src/images/image.ts'
import { kvmTrouble } from '../../src/machine/kvm.ts'
import { backendContract, type Programs } from './backend.contract.ts'
import { specOf } from './collect.ts'

const [serverHome = '/var/lib/vulcan', ...names] = process.argv.slice(2)
const asked = names.length > 0 ? backendContract.filter(({ name }) => names.includes(name)) : backendContract
/** For two templates to be made, in milliseconds: one takes a minute or two under emulation. */
const templatesMs = 900_000
/** A case by itself boots its vms: templates take longer than that. */
const isWhole = names.length === 0
const instance = 'contract'
const home = join(serverHome, 'contract')

const programs: Programs = {
  runtime: 'python',
  name: 'main.py',
  speak: (code) => `import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(${code})`,
  wait: `print('up', flush=True)\nimport time\ntime.sleep(600)`,
  flood: (bytes) => `import sys\nfor _ in range(${bytes >> 16}): sys.stdout.write('x' * 65536)`,
  count: (last) => `print('\\n'.join(f'{n:063}' for n in range(1, ${last} + 1)))`,
  misnamed: `import socket
try: socket.getaddrinfo('other.example', 80)
except socket.gaierror: print('unknown', flush=True)`,
  refused: `import socket
for _ in range(2):
  try: socket.create_connection(('10.1.2.3', 80), timeout=20)
  except OSError: pass
print('refused', flush=True)`,
  echo: `import sys\nsys.stdout.write(sys.stdin.read())`,
  result: `import json, os\njson.dump({'answer': 42}, open(os.environ['VULCAN_RESULT'], 'w'))`,
}

await mkdir(home, { recursive: true, mode: 0o711 })
const backend = await openFirecracker({
  instance,
  home,
  node: 'contract',
  assets: await locateAssets(serverHome),
  runtimes: ['python'],
  templates: isWhole,
  image: (name) => locateImage(serverHome, name),
  subnet: '10.89.0.0/16',
  nameservers: [],
  trouble: kvmTrouble,
})

// What a run of this that was cut off has left, as a server does at its start.
await backend.cleanup(new Set())

/** A vm that goes on from a template is there in a third of the time that a boot takes. */
async function haveTemplates(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const look = () => void (backend.templates().filter(({ state }) => state === 'ready').length === 2 && resolve())
  backend.facts.on('template.built', look)
  backend.facts.on('template.failed', ({ message }) => reject(new Error(`no template could be made: ${message}`)))
  const { resources } = specOf({ programs }, '')
  const modes = ['none', 'internet'] as const
  await backend.buildTemplates(modes.map((mode) => ({ runtime: 'python', resources, network: { mode, allow: [] } })))
  // Those of a run that was cut off may be there still.
  look()
  await deadline('the templates', { timeoutMs: templatesMs }, (signal) => abortable(promise, signal))
}

async function residue(): Promise<readonly string[]> {
  const left = await backend.cleanup(new Set(), { dryRun: true })
  // What is held would be no leftover; with every run ended, nothing may be.
  const held = await namesIn(join(volatileOf(instance), 'vms'))
  return [...left.map(({ kind, name }) => `${kind} ${name}`), ...held.map((vmId) => `in the book: ${vmId}`)]
}

const say = (fact: object) => process.stdout.write(`${JSON.stringify(fact)}\n`)

try {
  if (isWhole) await haveTemplates()
  for (const { name, check } of asked) {
    const error = await check({ backend, programs, residue, timeoutMs: 20_000 }).then(
      () => undefined,
      (failure: unknown) => (failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)),
    )
    say({ name, ...(error !== undefined && { error }) })
  }
} finally {
  await backend.cleanup(new Set())
  await backend[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
}

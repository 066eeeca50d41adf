/** In which order files of tests on vms are taken, where those are slow: first what Vulcan has to do, then what it has to bear. */
import { basename } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Names of files begin so. What is not among them comes after these. */
const first = [
  ...['criterion-', 'dashboard', 'command-line', 'bad-input', 'inside'],
  ...['pool', 'leftovers', 'machine', 'templates', 'no-key'],
  ...['plugins', 'vm', 'neighbours'],
]

/** Sorts as its file has to come, a project at a time. */
function key({ project, moduleId }: TestSpecification): string {
  const at = first.findIndex((name) => basename(moduleId).startsWith(name))
  return [project.name, String(at === -1 ? first.length : at).padStart(2, '0'), moduleId].join(' ')
}

export class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const onVms = (file: TestSpecification) => ['system', 'faults'].includes(file.project.name)
    const others = await super.sort(files.filter((file) => !onVms(file)))
    return [...others, ...files.filter(onVms).toSorted((a, b) => key(a).localeCompare(key(b)))]
  }
}

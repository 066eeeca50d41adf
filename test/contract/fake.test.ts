import { test } from 'vitest'
import { FakeBackend } from '../../src/backend/fake.ts'
import { backendContract, type Offered } from './backend.contract.ts'

const backend = new FakeBackend()
const offered: Offered = {
  backend,
  residue: () => Promise.resolve([...backend.live.keys()]),
  timeoutMs: 100,
  programs: {
    runtime: 'python',
    name: 'main.py',
    speak: (code) => `# fake: print out\n# fake: error err\n# fake: exit ${code}`,
    wait: '# fake: start 1\n# fake: print up\n# fake: sleep 600000',
    flood: (bytes) => `# fake: flood ${bytes}`,
    count: (last) => `# fake: count ${last}`,
    misnamed: '# fake: deny allow dns other.example\n# fake: print unknown',
    refused: '# fake: deny private tcp 10.1.2.3 80\n# fake: deny private tcp 10.1.2.3 80\n# fake: print refused',
    echo: '# fake: stdin',
    result: '# fake: result {"answer":42}',
  },
}

for (const { name, check } of backendContract) {
  // The assertions are in the case itself.
  // oxlint-disable-next-line vitest/expect-expect
  test(`the contract of a backend, fake: ${name}`, () => check(offered))
}

import { FakeBackend } from '../../src/backend/fake.ts'
import { backendContract } from './backend.contract.ts'

const backend = new FakeBackend()

backendContract('fake', () =>
  Promise.resolve({
    backend,
    residue: () => Promise.resolve([...backend.live.keys()]),
    programs: {
      runtime: 'python',
      name: 'main.py',
      speak: (code) => `# fake: print out\n# fake: error err\n# fake: exit ${code}`,
      wait: '# fake: print up\n# fake: sleep 600000',
      flood: (bytes) => `# fake: flood ${bytes}`,
      echo: '# fake: stdin',
      result: '# fake: result {"answer":42}',
    },
  }),
)

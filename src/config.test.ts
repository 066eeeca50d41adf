import { afterEach, expect, test, vi } from 'vitest'
import { VulcanError } from './api/errors.ts'
import { asVariables, childEnvironment, isNotified, joinSettings, traceSettings, variableOf } from './config.ts'
import { settings } from './settings.ts'

const join = (o: { env?: Record<string, string>; flags?: Record<string, unknown>; file?: string }) =>
  joinSettings({
    env: { VULCAN_HOME: '/h', ...o.env },
    flags: o.flags ?? {},
    readFile: (path) => (path === '/h/vulcan.toml' ? o.file : undefined),
  })

const complaint = (work: () => unknown): string => {
  try {
    work()
    return 'nothing'
  } catch (error) {
    return error instanceof VulcanError ? error.message : String(error)
  }
}

test('file, environment and flags in rising order, and each value knows where it is from', () => {
  const file = '[limits]\ncpus = 2\npids = 10\nbody_mb = 3\n[machine]\nrestrict = true\n'
  const { config, origins } = join({
    file,
    env: { VULCAN_LIMITS_PIDS: '20', VULCAN_LIMITS_BODY_MB: '4' },
    flags: { 'limits.body_mb': '5' },
  })
  expect([config['limits.cpus'], config['limits.pids'], config['limits.body_mb'], config['machine.restrict']]).toEqual([
    2,
    20,
    5,
    true,
  ])
  expect([
    origins['limits.cpus'],
    origins['limits.pids'],
    origins['limits.body_mb'],
    origins['limits.disk_mb'],
  ]).toEqual(['/h/vulcan.toml', 'VULCAN_LIMITS_PIDS', '--set limits.body_mb', 'default'])
  expect(Object.isFrozen(config)).toBe(true)
})

test.each([
  [{ file: 'colour = "red"' }, ['/h/vulcan.toml', 'colour']],
  [{ file: '[limits]\ncpus = "many"' }, ['/h/vulcan.toml', 'limits.cpus', 'not a number']],
  [{ file: 'x = [' }, ['/h/vulcan.toml', 'not TOML']],
  [{ file: 'home = "/other"' }, ['/h/vulcan.toml', 'home']],
  [{ env: { VULCAN_SERVER_PORT: '70000' } }, ['VULCAN_SERVER_PORT', 'server.port', 'between 0 and 65535']],
  [{ env: { VULCAN_MACHINE_CORES: '1.5' } }, ['VULCAN_MACHINE_CORES', 'whole number']],
  [{ env: { VULCAN_MACHINE_RESTRICT: 'perhaps' } }, ['machine.restrict', 'neither true nor false']],
  [{ flags: { instance: 'Not-Ok' } }, ['--set instance', '1 to 12 of a-z']],
  [{ flags: { backend: 'docker' } }, ['backend', 'firecracker, fake']],
  [{ flags: { nonsense: '1' } }, ['nonsense']],
  [{ file: '[limts]\ncpu = 1' }, ['/h/vulcan.toml', '"limts.cpu"', 'limits.cpus meant']],
  [{ env: { VULCAN_LIMTS_CPUS: '1' } }, ['VULCAN_LIMTS_CPUS', 'VULCAN_LIMITS_CPUS meant']],
  [{ env: { VULCAN_LIMITS_MEMORY_MB: '64' } }, ['VULCAN_LIMITS_MEMORY_MB', 'VULCAN_LIMITS_MEM_MB meant']],
  [{ env: { VULCAN_SEVRER_HOST: '127.0.0.1' } }, ['VULCAN_SEVRER_HOST', 'VULCAN_SERVER_HOST meant']],
  [{ env: { VULCAN_HOME_DIR: '/x' } }, ['VULCAN_HOME_DIR', 'VULCAN_HOME meant']],
  [{ env: { VULCAN_NETWORK_NAMESERVERS: '9.9.9.9,nowhere!' } }, ['network.nameservers', 'nowhere!']],
  [
    { env: { VULCAN_SERVER_TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.0/40' } },
    ['server.trusted_proxies', '10.0.0.0/40', 'CIDR'],
  ],
  [
    { env: { VULCAN_SERVER_TRUSTED_PROXIES: '10.0.0.0/8,fe80::/129' } },
    ['server.trusted_proxies', 'fe80::/129', 'CIDR'],
  ],
  [{ env: { VULCAN_SERVER_TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.0/' } }, ['server.trusted_proxies', '10.0.0.0/', 'CIDR']],
  [
    { env: { VULCAN_SERVER_TRUSTED_PROXIES: '10.0.0.0/8,proxy.example' } },
    ['server.trusted_proxies', 'proxy.example', 'CIDR'],
  ],
])('%j is refused, naming setting and source', (sources, words) => {
  const said = complaint(() => join(sources))
  for (const word of words) expect(said).toContain(word)
})

test.each(['....', '::::', '1.2.3', '999.1.1.1', 'localhost', '0x7f.1', '127.0.0.1:80', '[::1]'])(
  'the server does not listen at %s, nor is that a name server',
  (text) => {
    expect(complaint(() => join({ flags: { 'server.host': text } }))).toContain('is not an IP address')
    expect(complaint(() => join({ flags: { 'network.nameservers': text } }))).toContain('not an IPv4 address')
  },
)

test.each(['127.0.0.1', '0.0.0.0', '::', '::1', 'fe80::1%eth0'])('the server may listen at %s', (text) => {
  expect(join({ flags: { 'server.host': text } }).config['server.host']).toBe(text)
})

test.each([
  '999.1.1.1/99',
  '10.0.0.0/33',
  '10.0.0.0/31',
  '10.0.0.0/7',
  '10.0.0.0',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'fd00::/16',
  '127.0.0.0/8',
  '224.0.0.0/8',
  '255.0.0.0/8',
  'any',
])(
  // prettier-ignore
  'vms have no addresses of %s',
  (text) => {
    expect(complaint(() => join({ flags: { 'network.subnet': text } }))).toContain('from /8 to /30')
  },
)

test.each(['auto', '10.90.0.0/16', '192.168.7.0/24', '10.0.0.0/8', '100.64.0.4/30'])(
  'vms may have those of %s',
  (text) => {
    expect(join({ flags: { 'network.subnet': text } }).config['network.subnet']).toBe(text)
  },
)

test.each(['own', 'system.slice', '/../x', '/a//b', '/a/'])('no cgroup is called %s', (text) => {
  expect(complaint(() => join({ flags: { cgroup: text } }))).toContain('a path below /sys/fs/cgroup')
})

test.each(['/', '/system.slice/vulcan-vms.service'])('a cgroup may be %s', (text) => {
  expect(join({ flags: { cgroup: text } }).config.cgroup).toBe(text)
})

test('variables that only begin as ours do are somebody else’s', () => {
  const env = {
    VULCAN_KEY: 'vk_x',
    VULCAN_URL: 'x',
    VULCAN_RESULT: '/r',
    VULCAN_INPUT: '/i',
    VULCAN_WORKLOAD_ID: '1',
    VULCAN_REQUIRE_VM: '1',
    VULCAN_TEST_MACHINES: '1',
    VULCAN_TEST_UNTIL: '1',
    VULCANIZE_LIMITS: '1',
  }
  expect(join({ env }).config).toEqual(join({}).config)
})

test('what was given can be handed to a child as variables, lists too, and reads back the same', () => {
  const loaded = join({ flags: { 'network.nameservers': '9.9.9.9,1.1.1.1', 'limits.cpus': '1.5' } })
  const again = join({ env: asVariables(loaded) })
  expect(again.config).toEqual(loaded.config)
})

test('two homes have two instance names; one that is set stays', () => {
  expect(join({}).config.instance).toMatch(/^v[0-9a-f]{8}$/)
  expect(join({ env: { VULCAN_HOME: '/other' } }).config.instance).not.toBe(join({}).config.instance)
  expect(join({ env: { VULCAN_INSTANCE: 'mine' } }).config.instance).toBe('mine')
})

test('every setting has a sentence, a default that passes its own check, and a variable of its own', () => {
  const variables = Object.keys(settings).map(variableOf)
  expect(new Set(variables).size).toBe(variables.length)
  for (const [name, { doc, standard, read }] of Object.entries(settings)) {
    expect(doc.length, name).toBeGreaterThan(10)
    expect(read(standard), name).toEqual(standard)
  }
})

afterEach(() => {
  vi.unstubAllEnvs()
})

test('a server that outlives its command has nothing to say to the service manager of whoever gave the command', () => {
  vi.stubEnv('NOTIFY_SOCKET', '/run/systemd/notify')
  vi.stubEnv('VULCAN_NODE', 'n1')
  expect(isNotified()).toBe(true)
  const child = childEnvironment({ VULCAN_HOME: '/h' })
  expect(child).toMatchObject({ VULCAN_NODE: 'n1', VULCAN_HOME: '/h' })
  expect(child).not.toHaveProperty('NOTIFY_SOCKET')
  vi.stubEnv('NOTIFY_SOCKET', undefined)
  expect(isNotified()).toBe(false)
})

test('traces are wanted where OpenTelemetry’s variables say where to, unless they say not to', () => {
  const at = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  expect(traceSettings({})).toBeUndefined()
  expect(traceSettings({ OTEL_SERVICE_NAME: 'x', OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined()
  expect(traceSettings({ ...at, OTEL_SDK_DISABLED: 'true' })).toBeUndefined()
  expect(traceSettings(at)).toEqual({ timeoutMs: 3000 })
  expect(traceSettings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'x', OTEL_EXPORTER_OTLP_TIMEOUT: '700' })).toEqual({
    timeoutMs: 700,
  })
})

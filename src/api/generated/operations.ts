/** Made by `npm run generate` from openapi.json beside it: what is changed here is lost. */

/** Of the document that this was made from. */
export const documentSha256 = '3ec5ad538bcab2c9b35614c7ee5bf8c8bb16220ff91e9f1f0e258d33e17c88a4'

/** from the table of errors */
export type ErrorCode = 'invalid_request' | 'invalid_field' | 'unauthorized' | 'forbidden' | 'forbidden_origin' | 'not_found' | 'method_not_allowed' | 'request_timeout' | 'already_ended' | 'idempotency_conflict' | 'body_too_large' | 'unsupported_media_type' | 'quota_exceeded' | 'too_many_failures' | 'headers_too_large' | 'backend_missing' | 'entrypoint_missing' | 'entrypoint_ambiguous' | 'archive_corrupt' | 'archive_unsafe' | 'archive_too_large' | 'overloaded' | 'shutting_down' | 'no_responders' | 'no_answer' | 'host_unfit' | 'asset_unavailable' | 'asset_corrupt' | 'asset_refused' | 'image_build_failed' | 'machine_failed' | 'server_unreachable' | 'workload_lost' | 'vm_start_failed' | 'network_failed' | 'guest_failed' | 'store_failed' | 'internal'

/** RFC 9457 problem details */
export interface Problem {
  /** urn:vulcan:error: and the code */
  type: string
  /** one sentence, the same for each code */
  title: string
  /** HTTP status */
  status: number
  code: ErrorCode
  /** what happened this time */
  detail: string
  /** whether the same request may succeed later */
  retry: boolean
  /** the step that failed */
  step?: string
  /** what can be done about it */
  hint?: string
  /** each fault of the body */
  errors?: {
    /** JSON pointer of the field at fault */
    path: string
    message: string
  }[]
}

/** run: hand in, and read and kill one’s own; read: read everything; admin: everything */
export type KeyScope = 'run' | 'read' | 'admin'

/** bounds of one key; without one there is none */
export interface KeyQuotas {
  /** workloads at once; more wait */
  running?: number
  /** workloads that wait; more are refused */
  queued?: number
  /** seconds of processor time in a day (UTC) after which no more is taken */
  cpu_seconds?: number
}

/** a key to make */
export interface KeyRequest {
  /** for people */
  name: string
  /** what it may do; run by default */
  scopes?: KeyScope[]
  /** time in ISO 8601 after which it is refused; never by default */
  expires_at?: string
  quotas?: KeyQuotas
}

/** a key, without its text */
export interface KeyInfo {
  id: string
  name: string
  scopes: KeyScope[]
  quotas: KeyQuotas
  created_at: string
  /** to the minute */
  last_used_at?: string
  expires_at?: string
  revoked_at?: string
}

/** a key that was just made */
export interface NewKey {
  id: string
  name: string
  scopes: KeyScope[]
  quotas: KeyQuotas
  created_at: string
  /** to the minute */
  last_used_at?: string
  expires_at?: string
  revoked_at?: string
  /** its text, told this once */
  key: string
}

/** keys, oldest first */
export interface KeyList {
  keys: KeyInfo[]
}

export type WorkloadStatus = 'pending' | 'running' | 'completed' | 'failed' | 'killed'

/** none; host: the host’s gateway address only; internet: out by NAT, private ranges refused */
export type NetworkMode = 'none' | 'host' | 'internet'

export interface ResourcesRequest {
  /** cores; fractions are allowed */
  cpus?: number
  /** memory of the program, in MiB */
  mem_mb?: number
  /** seconds the program may run, from its start */
  timeout_s?: number
  /** what the program may write, in MiB */
  disk_mb?: number
  /** processes and threads at once */
  pids?: number
}

export interface NetworkRequest {
  mode?: NetworkMode
  /** CIDR blocks, host names, or *.name for all below a name, that alone may be reached */
  allow?: string[]
}

/** a program to run: exactly one of code, code_archive and an uploaded archive */
export interface WorkloadRequest {
  /** python, node or go */
  runtime: string
  /** auto by default */
  isolation?: 'auto' | 'microvm' | 'isolate' | 'gvisor'
  /** one source file as text */
  code?: string
  /** base64 of a tar, tar.gz, tar.zst or zip archive; larger ones by multipart */
  code_archive?: string
  /** path in the archive; with code, the name of the file */
  entrypoint?: string
  /** arguments */
  args?: string[]
  /** environment variables */
  env?: Record<string, string>
  /** standard input as text */
  stdin?: string
  /** any JSON; the file $VULCAN_INPUT, and standard input where stdin is not given. With args and env, 960 KiB at most */
  input?: unknown
  resources?: ResourcesRequest
  network?: NetworkMode | NetworkRequest
  /** for finding it; names are not empty and hold no = */
  labels?: Record<string, string>
  /** higher starts earlier; 0 by default */
  priority?: number
  /** the same key and body again give the same workload */
  idempotency_key?: string
}

/** what was asked for, with defaults filled in: `request` can be handed in again, with the archive if any */
export interface KeptRequest {
  request: WorkloadRequest
  /** names of the variables in env, also where that is withheld */
  env_names: string[]
  /** what the program came in; absent where it came as code */
  archive?: {
    format: 'tar' | 'tar.gz' | 'tar.zst' | 'zip'
    bytes: number
    /** whether it can be read still */
    kept: boolean
  }
  /** fields that there were, and that only the key that handed it in and admin may read */
  withheld: ('code' | 'args' | 'env' | 'stdin' | 'input')[]
}

export interface ExitRecord {
  /** who or what ended it */
  by: 'program' | 'timeout' | 'killed' | 'oom' | 'disk_full' | 'output_limit' | 'vm_lost' | 'start_failed'
  /** exit code of the program */
  code?: number
  /** signal that ended the program */
  signal?: string
  /** in words */
  message?: string
  /** where a start failed */
  step?: string
}

/** the firewall’s rules for the vm of this run, as they were handed to nft; absent in listings */
export interface Firewall {
  /** name of the two tables, in the families bridge and inet */
  table: string
  /** what is in sets and maps for this vm alone */
  elements: ({
    /** of the table */
    family: 'bridge' | 'inet'
    /** set or map that it is in */
    set: string
    /** as nft writes it */
    element: string
  })[]
  /** elements beyond these, all of what `allow` opens */
  elements_others: number
  /** chains that a packet of the vm meets, in that order; all vms of its network mode share them */
  chains: ({
    /** of the table */
    family: 'bridge' | 'inet'
    chain: string
    /** where the kernel enters it; others are jumped to */
    hook?: string
    rules: string[]
  })[]
  /** addresses in the sets that those chains name, which are the same for all vms */
  sets: Record<string, string[]>
}

export interface RunRecord {
  backend: string
  node: string
  vm_id: string
  start: 'boot' | 'restore' | 'pool'
  /** milliseconds until the guest was ready */
  boot_ms: number
  /** milliseconds of each phase */
  phases_ms: Record<string, number>
  /** milliseconds from created_at to each phase’s beginning */
  phases_at_ms?: Record<string, number>
  vsock: {
    status: 'connected' | 'closed' | 'lost'
    /** round trip in microseconds */
    rtt_us: number
  }
  /** where the vm was */
  details?: {
    /** release of the guest’s kernel */
    kernel: string
    /** digest of the image */
    image: string
    /** user that the VMM ran as on the host */
    uid: number
    /** path below the root of cgroups */
    cgroup: string
    /** whether it ran already and waited for the program, or was started for it */
    interpreter?: 'waited' | 'new'
    network: {
      mode: 'none' | 'host' | 'internet'
      nic?: {
        /** of the guest, with its prefix */
        address: string
        mac: string
        gateway: string
        /** interface of the VMM, in the network namespace */
        tap: string
        /** name of the network namespace */
        netns: string
        /** the host’s end of the cable, a port of the bridge */
        port: string
        /** the cable’s other end, which tc joins to the tap */
        peer?: string
        /** the host’s bridge */
        bridge?: string
      }
    }
  }
  /** what the network refused; absent where it refused nothing, and in listings */
  network?: {
    /** the first destinations that were refused, and the first names, 64 of each at most */
    denied: ({
      /** the name that was asked for, where that was refused */
      host?: string
      /** IPv4; of a name, what it led to, if it was looked up */
      address?: string
      /** absent where the protocol has none */
      port?: number
      /** tcp, udp, icmp …; dns for a name */
      protocol: string
      /** what refused it */
      rule: 'metadata' | 'host' | 'guest' | 'private' | 'reserved' | 'allow' | 'mode' | 'unknown' | 'limit'
      /** RFC 3339, to about a second */
      first_at: string
      /** what it means, and what opens it where something does */
      hint: string
      /** packets; of TCP that is attempts to connect, of a name questions */
      count: number
    })[]
    /** packets and questions that were refused beyond these */
    denied_others: number
  }
  firewall?: Firewall
  usage?: {
    /** processor time of the program and of its build */
    cpu_ms: number
    peak_mem_mb: number
    throttled_ms: number
    disk_written_bytes: number
    net_rx_bytes: number
    net_tx_bytes: number
  }
}

/** what host and guest said over vsock for this run: never what was in it */
export interface Conversation {
  /** frames that there were */
  count: number
  /** of all of them, headers included */
  bytes: number
  /** the first and the last ones */
  frames: ({
    /** counts from 1; some in the middle may be left out */
    number: number
    /** milliseconds of the epoch */
    at_ms: number
    from: 'host' | 'guest'
    /** operation of a control frame, stream of a data frame, or `end of` a stream */
    kind: string
    bytes: number
  })[]
}

/** a workload without its output */
export interface WorkloadSummary {
  /** UUIDv7 */
  id: string
  status: WorkloadStatus
  runtime: string
  isolation: string
  labels: Record<string, string>
  priority: number
  /** cores and MiB that it may use */
  resources?: {
    cpus: number
    mem_mb: number
  }
  /** while it waits: 1 and as many as wait with a higher priority, or with its own and since before it; a key of which less runs may come first */
  place?: number
  exit?: ExitRecord
  /** RFC 3339 */
  created_at: string
  /** RFC 3339; when the program began, or its build */
  started_at?: string
  /** RFC 3339 */
  finished_at?: string
  run?: RunRecord
}

/** everything known of a workload */
export interface WorkloadRecord {
  /** UUIDv7 */
  id: string
  status: WorkloadStatus
  runtime: string
  isolation: string
  labels: Record<string, string>
  priority: number
  /** cores and MiB that it may use */
  resources?: {
    cpus: number
    mem_mb: number
  }
  /** while it waits: 1 and as many as wait with a higher priority, or with its own and since before it; a key of which less runs may come first */
  place?: number
  exit?: ExitRecord
  /** RFC 3339 */
  created_at: string
  /** RFC 3339; when the program began, or its build */
  started_at?: string
  /** RFC 3339 */
  finished_at?: string
  run?: RunRecord
  /** first and last parts, with a line between where bytes were dropped */
  stdout: string
  /** first and last parts, with a line between where bytes were dropped */
  stderr: string
  /** bytes that the program wrote and that stdout and stderr above do not hold */
  dropped_bytes: {
    stdout: number
    stderr: number
  }
  /** JSON that the program wrote to $VULCAN_RESULT */
  result?: unknown
  /** why there is no result although the program wrote one */
  result_error?: string
  conversation?: Conversation
}

/** workloads, newest first */
export interface WorkloadPage {
  workloads: WorkloadSummary[]
  /** cursor of the next page; absent on the last */
  next_cursor?: string
}

/** the workload that was meant */
export interface Accepted {
  id: string
  status: WorkloadStatus
}

/** the server lives */
export interface Health {
  status: string
  /** sha256 of the running program, shortened */
  build: string
  version: string
  /** HMAC-SHA-256, in hex, of the challenge, by the secret in the server.json of its home */
  proof?: string
}

/** workloads can run */
export interface Readiness {
  status: string
}

export interface BackendState {
  name: string
  online: boolean
  /** why it is not online */
  reason?: string
  isolation: string[]
  runtimes: string[]
  details: Record<string, string | number | boolean>
}

/** backends */
export interface BackendList {
  backends: BackendState[]
}

export interface NodeState {
  name: string
  online: boolean
  /** why it is not online */
  reason?: string
  /** vms that run now */
  vms: number
  max_vms: number
  /** workloads that wait */
  pending: number
  /** memory given to vms now, in MiB */
  mem_mb: number
  max_mem_mb: number
}

/** hosts */
export interface NodeList {
  nodes: NodeState[]
}

export interface ImageState {
  name: string
  /** absent until it was built */
  digest?: string
  bytes?: number
}

/** root file systems */
export interface ImageList {
  images: ImageState[]
}

/** what was removed */
export interface CleanupReport {
  /** how many of each kind of thing */
  removed: Record<string, number>
}

export interface LeftoverState {
  kind: 'process' | 'cgroup' | 'guest_rule' | 'cni_attachment' | 'lease' | 'veth' | 'netns' | 'mount' | 'jail' | 'template' | 'disk'
  /** what the host calls it: a path, a name, a process */
  name: string
  /** why it is thought to be of this instance */
  why: string
  /** whose it was: `run` and its id, `template`, `pool` or `unknown` */
  owner: string
  /** since when it is there, or its vm is; RFC 3339 */
  since?: string
  /** why it could not be removed; it is tried again */
  trouble?: string
}

/** things of ours on the host that have no owner, and what is kept for too long */
export interface LeftoverList {
  leftovers: LeftoverState[]
  /** ended workloads beyond what the settings keep of them */
  outdated: number
}

/** one thing that a host should have */
export interface HostCheck {
  name: string
  ok: boolean
  /** it could not be found out here: neither well nor wrong, and `ok` is false */
  unknown?: true
  /** vms cannot run without it; else it is advice for production */
  required: boolean
  /** what was found */
  found: string
  /** why it matters */
  why: string
  /** what to say on the host where it is not ok; several are parted by `; ` */
  mend?: string
}

/** what the server’s host has and lacks, as `vulcan doctor` says it there */
export interface HostReport {
  /** the host that was judged: where the server runs */
  node: string
  /** RFC 3339 */
  judged_at: string
  checks: HostCheck[]
}

/** a snapshot of a vm that has booted, from which vms of its kind go on */
export interface TemplateInfo {
  runtime: string
  /** cores of the vm */
  cpus: number
  /** memory of the whole vm, in MiB: what the program gets, and some 100 more */
  mem_mb: number
  /** what its program may write, in MiB */
  disk_mb: number
  /** whether its vms have a network interface */
  nic: boolean
  /** failed: vms of that kind boot; it is tried again when one was used again */
  state: 'ready' | 'building' | 'waiting' | 'failed'
  /** what it takes of the disk, when it is ready */
  bytes?: number
  /** RFC 3339, when it is ready */
  made_at?: string
  /** why it could not be made */
  reason?: string
}

/** templates */
export interface TemplateList {
  templates: TemplateInfo[]
}

/** vms of one kind that wait for a workload */
export interface PoolClass {
  runtime: string
  /** cores of the vm */
  cpus: number
  /** memory of the whole vm, in MiB: what the program gets, and some 100 more */
  mem_mb: number
  /** what its program may write, in MiB */
  disk_mb: number
  /** network mode of its vms */
  network: string
  /** vms that wait for a workload */
  ready: number
  /** places where the next vms need only be loaded */
  slots: number
  /** vms that should wait, as often as they are asked for */
  wanted: number
}

/** vms that are ready before they are asked for */
export interface PoolReport {
  classes: PoolClass[]
  /** vms of one kind that may wait; 0: none is kept ready */
  max_vms: number
  /** memory of the vms that wait, in MiB */
  mem_mb: {
    used: number
    max: number
  }
}

/** lets a browser in */
export interface LoginLink {
  /** of this server, to open in a browser; good once */
  path: string
  /** RFC 3339 */
  expires_at: string
}

/** counts and limits */
export interface Stats {
  /** workloads that are known, by status */
  workloads: {
    pending: number
    running: number
    completed: number
    failed: number
    killed: number
  }
  /** workloads that wait for room */
  queue: {
    waiting: number
  }
  vms: {
    running: number
    max: number
  }
  /** memory given to vms, in MiB */
  mem_mb: {
    used: number
    max: number
  }
  /** vms that wait for a workload, and places for the next ones */
  pool: {
    ready: number
    slots: number
  }
  /** the most of each resource that one workload may ask for */
  limits: {
    cpus: number
    mem_mb: number
    timeout_s: number
    disk_mb: number
    pids: number
  }
}

/** Every operation: what it takes, what it gives, and the codes of its errors. */
export interface Operations {
  /** Runs a workload and waits for its end */
  runWorkload: {
    input: {
      query?: {
        /** seconds to wait at most; 202 after them */
        wait_s?: number
      }
      headers?: {
        /** the same as the field idempotency_key */
        'idempotency-key'?: string
      }
      body: WorkloadRequest
      /** sent as multipart, beside the body as the part spec */
      files?: {
        /** tar, tar.gz, tar.zst or zip */
        archive?: Blob
      }
    }
    answer: WorkloadRecord
    code: 'archive_corrupt' | 'archive_too_large' | 'archive_unsafe' | 'backend_missing' | 'body_too_large' | 'entrypoint_ambiguous' | 'entrypoint_missing' | 'forbidden' | 'forbidden_origin' | 'host_unfit' | 'idempotency_conflict' | 'internal' | 'invalid_field' | 'invalid_request' | 'not_found' | 'overloaded' | 'quota_exceeded' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Lists workloads, newest first, without their output */
  listWorkloads: {
    input: {
      query?: {
        status?: WorkloadStatus
        runtime?: string
        /** name=value */
        label?: string
        /** most in one page; 50 by default */
        limit?: number
        /** next_cursor of the page before */
        cursor?: string
      }
    }
    answer: WorkloadPage
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Hands a workload in and returns at once */
  submitWorkload: {
    input: {
      headers?: {
        /** the same as the field idempotency_key */
        'idempotency-key'?: string
      }
      body: WorkloadRequest
      /** sent as multipart, beside the body as the part spec */
      files?: {
        /** tar, tar.gz, tar.zst or zip */
        archive?: Blob
      }
    }
    answer: Accepted
    code: 'archive_corrupt' | 'archive_too_large' | 'archive_unsafe' | 'backend_missing' | 'body_too_large' | 'entrypoint_ambiguous' | 'entrypoint_missing' | 'forbidden' | 'forbidden_origin' | 'host_unfit' | 'idempotency_conflict' | 'internal' | 'invalid_field' | 'invalid_request' | 'not_found' | 'overloaded' | 'quota_exceeded' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Reads the record */
  getWorkload: {
    input: {
      path: {
        /** of the workload */
        id: string
      }
    }
    answer: WorkloadRecord
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Kills a workload that waits or runs */
  killWorkload: {
    input: {
      path: {
        /** of the workload */
        id: string
      }
    }
    answer: Accepted
    code: 'already_ended' | 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Reads what was asked for */
  getRequest: {
    input: {
      path: {
        /** of the workload */
        id: string
      }
    }
    answer: KeptRequest
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Reads the archive that a workload came as */
  readArchive: {
    input: {
      path: {
        /** of the workload */
        id: string
      }
    }
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Follows output and status, live and from the beginning */
  followWorkload: {
    input: {
      path: {
        /** of the workload */
        id: string
      }
      query?: {
        /** the last event already seen */
        after?: number
        /** false: end with the newest event */
        follow?: 'true' | 'false'
      }
      headers?: {
        /** the last event already seen; goes before `after` */
        'last-event-id'?: string
      }
    }
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Reads everything the program writes to one stream, as bytes, until it ends */
  readOutput: {
    input: {
      path: {
        /** of the workload */
        id: string
        stream: 'stdout' | 'stderr'
      }
    }
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Follows the changes of status of all workloads, live */
  followEvents: {
    input: {
      query?: {
        /** the last event already seen */
        after?: number
      }
      headers?: {
        /** the last event already seen; goes before `after` */
        'last-event-id'?: string
      }
    }
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Says that the server lives */
  getHealth: {
    input: {
      query?: {
        /** random; a server that knows the secret of its home answers it with `proof` */
        challenge?: string
      }
    }
    answer: Health
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down'
  }
  /** Says whether workloads can run */
  getReadiness: {
    input: Record<never, never>
    answer: Readiness
    code: 'forbidden_origin' | 'host_unfit' | 'internal' | 'invalid_field' | 'shutting_down'
  }
  /** Lists what runs workloads */
  listBackends: {
    input: Record<never, never>
    answer: BackendList
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Lists root file systems */
  listImages: {
    input: Record<never, never>
    answer: ImageList
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Lists hosts and what they carry */
  listNodes: {
    input: Record<never, never>
    answer: NodeList
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Counts workloads, and says how full it is */
  getStats: {
    input: Record<never, never>
    answer: Stats
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Lists what is on the host and has no owner, and counts what is outdated */
  listLeftovers: {
    input: Record<never, never>
    answer: LeftoverList
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Removes what is on the host and has no owner, and what is outdated */
  removeLeftovers: {
    input: Record<never, never>
    answer: LeftoverList
    code: 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Lists the templates that vms go on from, and those that could not be made */
  listTemplates: {
    input: Record<never, never>
    answer: TemplateList
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Has the templates of each runtime made that are missing, for runs with default settings */
  buildTemplates: {
    input: Record<never, never>
    answer: TemplateList
    code: 'asset_unavailable' | 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Tells of the vms that wait, ready, for a run */
  getPool: {
    input: Record<never, never>
    answer: PoolReport
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Removes the vms that wait, ready, for a run */
  drainPool: {
    input: Record<never, never>
    answer: CleanupReport
    code: 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Judges the host that the server runs on, as vulcan doctor does there; an answer is good for a minute */
  judgeHost: {
    input: Record<never, never>
    answer: HostReport
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Copies the store, outputs, key and settings, for a home to be made from */
  createBackup: {
    input: Record<never, never>
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Makes a key, and tells its text this once */
  createKey: {
    input: {
      body: KeyRequest
    }
    answer: NewKey
    code: 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Lists keys, the revoked included */
  listKeys: {
    input: Record<never, never>
    answer: KeyList
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Refuses a key from now on; what it has handed in goes on */
  revokeKey: {
    input: {
      path: {
        /** of the key */
        id: string
      }
    }
    answer: KeyInfo
    code: 'body_too_large' | 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'not_found' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
  /** Tells Prometheus */
  getMetrics: {
    input: Record<never, never>
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Describes every route */
  getDocument: {
    input: Record<never, never>
    answer: Record<string, unknown>
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Shows this document */
  getDocs: {
    input: Record<never, never>
    answer: ReadableStream<Uint8Array<ArrayBuffer>>
    code: 'forbidden_origin' | 'internal' | 'invalid_field' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized'
  }
  /** Makes a link that lets one browser in, once, within two minutes */
  createLoginLink: {
    input: Record<never, never>
    answer: LoginLink
    code: 'body_too_large' | 'forbidden_origin' | 'internal' | 'invalid_field' | 'invalid_request' | 'overloaded' | 'shutting_down' | 'store_failed' | 'too_many_failures' | 'unauthorized' | 'unsupported_media_type'
  }
}

/** Where each operation is. */
export const operations = {
  runWorkload: { method: 'POST', path: '/v1/workloads', answer: 'json' },
  listWorkloads: { method: 'GET', path: '/v1/workloads', answer: 'json' },
  submitWorkload: { method: 'POST', path: '/v1/workloads/async', answer: 'json' },
  getWorkload: { method: 'GET', path: '/v1/workloads/{id}', answer: 'json' },
  killWorkload: { method: 'DELETE', path: '/v1/workloads/{id}', answer: 'json' },
  getRequest: { method: 'GET', path: '/v1/workloads/{id}/request', answer: 'json' },
  readArchive: { method: 'GET', path: '/v1/workloads/{id}/archive', answer: 'stream' },
  followWorkload: { method: 'GET', path: '/v1/workloads/{id}/logs', answer: 'stream' },
  readOutput: { method: 'GET', path: '/v1/workloads/{id}/output/{stream}', answer: 'stream' },
  followEvents: { method: 'GET', path: '/v1/events', answer: 'stream' },
  getHealth: { method: 'GET', path: '/healthz', answer: 'json' },
  getReadiness: { method: 'GET', path: '/readyz', answer: 'json' },
  listBackends: { method: 'GET', path: '/v1/backends', answer: 'json' },
  listImages: { method: 'GET', path: '/v1/images', answer: 'json' },
  listNodes: { method: 'GET', path: '/v1/nodes', answer: 'json' },
  getStats: { method: 'GET', path: '/v1/stats', answer: 'json' },
  listLeftovers: { method: 'GET', path: '/v1/leftovers', answer: 'json' },
  removeLeftovers: { method: 'DELETE', path: '/v1/leftovers', answer: 'json' },
  listTemplates: { method: 'GET', path: '/v1/templates', answer: 'json' },
  buildTemplates: { method: 'POST', path: '/v1/templates', answer: 'json' },
  getPool: { method: 'GET', path: '/v1/pool', answer: 'json' },
  drainPool: { method: 'DELETE', path: '/v1/pool', answer: 'json' },
  judgeHost: { method: 'GET', path: '/v1/doctor', answer: 'json' },
  createBackup: { method: 'POST', path: '/v1/backup', answer: 'stream' },
  createKey: { method: 'POST', path: '/v1/keys', answer: 'json' },
  listKeys: { method: 'GET', path: '/v1/keys', answer: 'json' },
  revokeKey: { method: 'DELETE', path: '/v1/keys/{id}', answer: 'json' },
  getMetrics: { method: 'GET', path: '/metrics', answer: 'stream' },
  getDocument: { method: 'GET', path: '/openapi.json', answer: 'json' },
  getDocs: { method: 'GET', path: '/docs', answer: 'stream' },
  createLoginLink: { method: 'POST', path: '/v1/login-links', answer: 'json' },
} as const

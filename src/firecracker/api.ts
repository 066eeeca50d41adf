/** Client of Firecracker's API over its unix socket: one method an endpoint used; a fault keeps Firecracker's own message. */
import { Client } from 'undici'
import { VulcanError } from '../api/errors.ts'
import { deadline } from '../base/time.ts'
import { socketListens } from './apisocket.ts'

/** Bytes or operations per time; `refill_time` in milliseconds. */
interface TokenBucket {
  readonly size: number
  readonly refill_time: number
  readonly one_time_burst?: number
}

export interface RateLimiter {
  readonly bandwidth?: TokenBucket
  readonly ops?: TokenBucket
}

export interface Drive {
  readonly drive_id: string
  readonly path_on_host: string
  readonly is_root_device: boolean
  readonly is_read_only: boolean
  readonly rate_limiter?: RateLimiter
}

export interface NetworkInterface {
  readonly iface_id: string
  readonly host_dev_name: string
  readonly guest_mac: string
  readonly rx_rate_limiter?: RateLimiter
  readonly tx_rate_limiter?: RateLimiter
}

export interface SnapshotLoad {
  readonly snapshot_path: string
  /** `File`: the memory is mapped privately, and the file must never change. */
  readonly mem_backend: { readonly backend_type: 'File'; readonly backend_path: string }
  /** Taps that stand in for those the snapshot was made with. */
  readonly network_overrides: readonly { readonly iface_id: string; readonly host_dev_name: string }[]
  readonly resume_vm: boolean
}

/** For a Firecracker that was started to listen, in milliseconds. */
const socketDeadlineMs = 20_000
/** Milliseconds for one call; the slowest, InstanceStart, takes 1.6 s under emulation. */
const callTimeoutMs = 60_000

export class FirecrackerApi {
  readonly #client: Client

  private constructor(socketPath: string) {
    this.#client = new Client('http://localhost', {
      socketPath,
      bodyTimeout: callTimeoutMs,
      headersTimeout: callTimeoutMs,
    })
  }

  /** Speaks to a Firecracker as soon as its socket is there; the folder that will hold it must exist. */
  static async use(
    socketPath: string,
    signal: AbortSignal,
    body: (api: FirecrackerApi) => Promise<void>,
  ): Promise<void> {
    const limit = { timeoutMs: socketDeadlineMs, signal }
    await deadline('the API socket', limit, (inner) => socketListens(socketPath, inner))
    const api = new FirecrackerApi(socketPath)
    try {
      await body(api)
    } finally {
      await api.#client.destroy()
    }
  }

  putMachineConfig(body: { vcpu_count: number; mem_size_mib: number }): Promise<void> {
    return this.#put('/machine-config', body)
  }

  putBootSource(body: { kernel_image_path: string; initrd_path: string; boot_args: string }): Promise<void> {
    return this.#put('/boot-source', body)
  }

  putDrive(drive: Drive): Promise<void> {
    return this.#put(`/drives/${drive.drive_id}`, drive)
  }

  putNetworkInterface(nic: NetworkInterface): Promise<void> {
    return this.#put(`/network-interfaces/${nic.iface_id}`, nic)
  }

  putVsock(body: { guest_cid: number; uds_path: string }): Promise<void> {
    return this.#put('/vsock', body)
  }

  putEntropy(): Promise<void> {
    return this.#put('/entropy', {})
  }

  pause(): Promise<void> {
    return this.#send('PATCH', '/vm', { state: 'Paused' })
  }

  resume(): Promise<void> {
    return this.#send('PATCH', '/vm', { state: 'Resumed' })
  }

  /** Writes a full snapshot of a paused vm; both paths are inside the jail and must not exist. */
  createSnapshot(body: { snapshot_path: string; mem_file_path: string }): Promise<void> {
    return this.#put('/snapshot/create', { snapshot_type: 'Full', ...body })
  }

  /** Makes this fresh process the vm of a snapshot. */
  loadSnapshot(body: SnapshotLoad): Promise<void> {
    return this.#put('/snapshot/load', body)
  }

  startInstance(): Promise<void> {
    return this.#put('/actions', { action_type: 'InstanceStart' })
  }

  #put(path: string, body: object): Promise<void> {
    return this.#send('PUT', path, body)
  }

  async #send(method: 'PUT' | 'PATCH', path: string, body: object): Promise<void> {
    // A string body gets a Content-Length; Firecracker does not take chunks.
    const text = JSON.stringify(body)
    let answer: { statusCode: number; text: string }
    try {
      const response = await this.#client.request({
        method,
        path,
        headers: { 'content-type': 'application/json' },
        body: text,
      })
      answer = { statusCode: response.statusCode, text: await response.body.text() }
    } catch (cause) {
      throw new VulcanError('vm_start_failed', `${method} ${path} got no answer from Firecracker: ${String(cause)}`, {
        step: path,
        cause,
      })
    }
    if (answer.statusCode >= 300) {
      throw new VulcanError(
        'vm_start_failed',
        `${method} ${path} was refused by Firecracker: ${faultOf(answer.text)}`,
        {
          step: path,
        },
      )
    }
  }
}

function faultOf(text: string): string {
  try {
    return (JSON.parse(text) as { fault_message?: string }).fault_message ?? text
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

import type { Client, EchoCalls } from './generated/calls'
import type {
  CreateSandboxFromImageParams,
  CreateSandboxFromSnapshotParams,
  ListSandboxesQuery,
} from './generated/official'
import type { ClientConfig } from './generated/shapes'
import type { Sandbox } from './sandbox'
import type { CallOptions, ProgressOptions } from './target'

/** The configuration of a client. Default: the environment. */
export interface DaytonaConfig extends ClientConfig {
  /** @deprecated Use `apiUrl`. */
  serverUrl?: string
  /** Taken, and without effect: `traceparent` and `headers` carry a trace. */
  otelEnabled?: boolean
  /** @deprecated Taken, and without effect. */
  useDeprecatedPolling?: boolean
  /** Milliseconds until a call that has no limit of its own is given up. Default: 60000. (ms) */
  requestTimeoutMs?: number
  /** Taken, and without effect. */
  _experimental?: Record<string, any>
}

/**
 * A client of Daytona. What its configuration does not say comes from the environment: DAYTONA_API_KEY or
 * DAYTONA_JWT_TOKEN with DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET. It opens no connection by itself, and
 * keeps no process alive while nothing is under way.
 */
export declare class Daytona extends Client {
  constructor(config?: DaytonaConfig)
  /**
   * Makes a sandbox and waits until it is started.
   *
   * @param params What it is made from. Default: the server's default snapshot.
   * @param options `timeout`: seconds until the library gives up, 0 is no limit. Default: 60. `onSnapshotCreateLogs` gets
   * the build log.
   */
  create(params?: CreateSandboxFromSnapshotParams, options?: { timeout?: number } & ProgressOptions): Promise<Sandbox>
  create(
    params?: CreateSandboxFromImageParams,
    options?: { onSnapshotCreateLogs?: (chunk: string) => void; timeout?: number } & ProgressOptions,
  ): Promise<Sandbox>
  /** All sandboxes that match, page by page; `limit` is the length of a page. */
  list(query?: ListSandboxesQuery, options?: CallOptions): AsyncIterableIterator<Sandbox>
}

/** A client that talks to nobody: it gives back what it is given, for tests of the way to the library and back. */
export declare class Echo extends EchoCalls {
  constructor()
}

import type {
  CreateSandboxFromImageParams,
  CreateSandboxFromSnapshotParams,
  DaytonaConfig,
  ForkSandboxParams,
  ListSandboxesQuery,
  SnapshotService,
  VolumeService,
} from './compatible'
import type { Client, EchoCalls } from './generated/calls'
import type { Sandbox } from './sandbox'
import type { CallOptions, ProgressOptions } from './target'

/**
 * A client of Daytona. What its configuration does not say comes from the environment: DAYTONA_API_KEY or
 * DAYTONA_JWT_TOKEN with DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET. It opens no connection by itself, and
 * keeps no process alive while nothing is under way.
 */
export declare class Daytona extends Client implements AsyncDisposable {
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
  /** Starts a sandbox and waits for it. @param timeout Seconds, 0 is no limit. Default: 60. */
  start(sandbox: Sandbox, timeout?: number): Promise<void>
  /** Stops a sandbox and waits for it. */
  stop(sandbox: Sandbox): Promise<void>
  /** Makes a copy of a sandbox with its files. @param timeout Seconds, 0 is no limit. Default: 60. */
  fork(sandbox: Sandbox, params?: ForkSandboxParams, timeout?: number): Promise<Sandbox>
  /** @deprecated Use `fork`. */
  _experimental_fork(sandbox: Sandbox, params?: ForkSandboxParams, timeout?: number): Promise<Sandbox>
  /** Deletes a sandbox. @param timeout Seconds, 0 is no limit. Default: 60. @param wait Whether to wait until it is gone. */
  delete(sandbox: Sandbox, timeout?: number, wait?: boolean): Promise<void>
  get snapshot(): SnapshotService
  get volume(): VolumeService
  /** Ends the calls and streams under way, which fail with DaytonaClosedError, and waits for that. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A client that talks to nobody: it gives back what it is given, for tests of the way to the library and back. */
export declare class Echo extends EchoCalls implements AsyncDisposable {
  constructor()
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

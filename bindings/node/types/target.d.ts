import type { Progress } from './generated/shapes'
import type { Stream } from './stream'

/** Options of every call. */
export interface CallOptions {
  /** Cancels the call, which fails with DaytonaCancelledError whose `cause` is the signal's reason. */
  signal?: AbortSignal
  /** Milliseconds until the library gives up; 0 is no limit. Without it the call's own limit applies. (ms) */
  timeoutMs?: number
}

/** Options of calls that tell how far they are. */
export interface ProgressOptions extends CallOptions {
  /** Called with how far it is, seldom more than once in a turn of the event loop. */
  onProgress?: (progress: Progress) => void
}

/** What calls act on: a client, or a sandbox. */
export declare class Target {
  /** Any operation by its name and parameters, as `daytona.call('region.list')`: what the methods are made of. */
  call(operation: string, params?: object, options?: ProgressOptions, body?: string | ArrayBufferView): Promise<any>
  /** Any stream by its name and parameters. */
  openStream(operation: string, params?: object, options?: ProgressOptions): Stream<any, any>
}

/** A client: what is opened by itself. */
export declare class Root extends Target implements AsyncDisposable {
  /** Ends the calls and streams under way, which fail with DaytonaClosedError, and waits for that. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The operations of one area. */
export declare class Area {
  constructor(target: Target)
}

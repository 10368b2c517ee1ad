/** Headers of an answer, with their names in lower case. */
export interface ResponseHeaders {
  readonly [name: string]: any
  /** The value of a header, by its name in any case. */
  get(name: string): string | undefined
}

/** The root of all errors of this package. */
export declare class DaytonaError extends Error {
  constructor(
    message: string,
    statusCode?: number,
    headers?: ResponseHeaders,
    code?: string,
    source?: string,
    options?: { cause?: unknown },
  )
  /** The HTTP status that the server answered; undefined for what happened on this side. */
  statusCode?: number
  /** What exactly went wrong, as `FILE_NOT_FOUND`. */
  code?: string
  /** Which part of Daytona said so: one of SOURCE_API, SOURCE_DAEMON and SOURCE_PROXY. */
  readonly source?: string
  headers?: ResponseHeaders
  /** The same as `code`. */
  get errorCode(): string | undefined
  /** The library's status: 1 to 99 happened on this side, 400 and above is the HTTP status. */
  status?: number
  /** The name of `status`, as `NOT_FOUND`. */
  statusName?: string
  /** The operation that failed, as `files.read`. */
  operation?: string
  requestId?: string
  /** Whether the same call may succeed when it is made again. */
  retryable?: boolean
  /** When to come back. (ms) */
  retryAfterMs?: number
  /** How many requests were made. */
  attempts?: number
  /** The sandbox that it is about; of a create that was interrupted, the one that may exist. */
  sandboxId?: string
  /** Of a create without an answer: the name that was sent. */
  sandboxName?: string
  /** Of a stream: how many bytes came, and the position to resume from. */
  bytes?: number
  position?: number
  /** Of a terminal or command: how it ended, where that is known. */
  exitCode?: number
  reason?: string
}

/** The library cannot be loaded: it is not there, or too old or too new. */
export declare class DaytonaLibraryError extends DaytonaError {}

import type { ErrorInfo } from './generated/shapes'

/** Headers of an answer, with their names in lower case. */
export interface ResponseHeaders {
  readonly [name: string]: any
  /** The value of a header, by its name in any case. */
  get(name: string): string | undefined
}

/** What the library says of a failure, without null: that is undefined. Names of this side stand for some of it. */
export type ErrorFields = {
  [
    Name in keyof ErrorInfo as Exclude<Name, 'name' | 'message' | 'source' | 'code' | 'httpStatus' | 'headers'>
  ]?: Exclude<ErrorInfo[Name], null>
}

export interface DaytonaError extends ErrorFields {}

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
  /** The name of `status`, as `NOT_FOUND`. */
  statusName?: string
}

/** The library cannot be loaded: it is not there, or too old or too new. */
export declare class DaytonaLibraryError extends DaytonaError {}

export * from './generated/calls'
export * from './generated/choices'
export * from './generated/errors'
export * from './generated/shapes'
export * from './generated/official'
export * from './compatible'
export { Daytona, Echo } from './daytona'
export type { DaytonaConfig } from './daytona'
export { DaytonaError, DaytonaLibraryError } from './errors'
export type { ResponseHeaders } from './errors'
export { Image } from './image'
export { Sandbox } from './sandbox'
export { Chunk, Stream } from './stream'
export type { Channel } from './stream'
export type { CallOptions, ProgressOptions } from './target'

/** Which part of Daytona an error came from. */
export declare const SOURCE_API = 'DAYTONA_API'
export declare const SOURCE_DAEMON = 'DAYTONA_DAEMON'
export declare const SOURCE_PROXY = 'DAYTONA_PROXY'

/** What marks the output of a session's command in raw logs. */
export declare const STDOUT_PREFIX_BYTES: Uint8Array
export declare const STDERR_PREFIX_BYTES: Uint8Array
export declare const MAX_PREFIX_LEN: number

/** The version of the library that was loaded. */
export declare const version: string

/** A line of the library's log; `dropped` lines were lost before it. */
export interface LogLine {
  level: 'error' | 'warn' | 'info' | 'debug'
  message: string
  dropped: number
}

/** Sends the log lines of this level and those above it to a function; one in a process gets them, the last. */
export declare function onLog(level: 'off' | LogLine['level'], listener?: (line: LogLine) => void): void

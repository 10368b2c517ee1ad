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

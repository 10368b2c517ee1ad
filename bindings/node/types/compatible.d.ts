// Parameters, answers and classes of the official package whose shape no mapping can say.

import type { Readable } from 'node:stream'
import type {
  CodeInterpreterCalls,
  FileSystemCalls,
  GitCalls,
  ProcessCalls,
  SnapshotCalls,
  VolumeCalls,
} from './generated/calls'
import type { CreateSnapshotParams, ListSnapshotsQuery, PtyCreateOptions } from './generated/official'
import type {
  CommandLogs,
  InterpreterContext,
  InterpreterError,
  PtyInfo,
  Snapshot,
  SnapshotPage,
  Volume,
} from './generated/shapes'
import type { CallOptions, ProgressOptions } from './target'

export {}

declare module './generated/official' {
  interface SessionExecuteRequest {
    /** The server's other name of `runAsync`. */
    async?: boolean
  }
}

type OnText = (chunk: string) => void

export type PtyConnectOptions = { onData: (data: Uint8Array) => void | Promise<void> }
export type PtyResult = { exitCode?: number; error?: string }

/** Commands, code, sessions and terminals. */
export declare class Process extends ProcessCalls {
  /** A command's output so far; with functions, all of it, live until the command ends. */
  getSessionCommandLogs(sessionId: string, commandId: string): Promise<CommandLogs>
  getSessionCommandLogs(
    sessionId: string,
    commandId: string,
    onStdout: OnText,
    onStderr: OnText,
    options?: CallOptions,
  ): Promise<void>
  /** The same of the sandbox's entrypoint. */
  getEntrypointLogs(): Promise<CommandLogs>
  getEntrypointLogs(onStdout: OnText, onStderr: OnText, options?: CallOptions): Promise<void>
  /** Makes a terminal and attends it. */
  createPty(options?: PtyCreateOptions & PtyConnectOptions): Promise<PtyHandle>
  /** Attends a terminal that exists. */
  connectPty(sessionId: string, options?: PtyConnectOptions): Promise<PtyHandle>
}

/** A terminal whose output goes to a function. */
export declare class PtyHandle {
  private constructor()
  readonly sessionId: string
  get exitCode(): number | undefined
  get error(): string | undefined
  isConnected(): boolean
  waitForConnection(): Promise<void>
  sendInput(data: string | Uint8Array): Promise<void>
  resize(cols: number, rows: number): Promise<PtyInfo>
  /** Leaves the terminal; it goes on. */
  disconnect(): Promise<void>
  /** Waits until the shell has ended, or the connection has. */
  wait(): Promise<PtyResult>
  kill(): Promise<void>
}

/** Repositories. */
export declare class Git extends GitCalls {
  /** The URL of a remote; undefined where there is none of that name. */
  remoteGet(path: string, name: string, options?: CallOptions): Promise<string | undefined>
}

export interface FileUpload {
  /** Bytes, or a local path. */
  source: string | Buffer
  destination: string
}

export interface FileDownloadRequest {
  source: string
  /** A local path; without one the bytes are the result. */
  destination?: string
}

export interface FileDownloadErrorDetails {
  message: string
  statusCode?: number
  code?: string
  errorCode?: string
  source?: string
}

export interface FileDownloadResponse {
  source: string
  result?: Buffer | string
  error?: string
  errorDetails?: FileDownloadErrorDetails
}

export interface DownloadMetadata {
  destination?: string
  error?: string
  errorDetails?: FileDownloadErrorDetails
  result?: Buffer | string | Uint8Array
}

export type DownloadProgress = { bytesReceived: number; totalBytes?: number }
export type UploadProgress = { bytesSent: number }
type TransferOptions<P> = { onProgress?: (progress: P) => void; signal?: AbortSignal; timeout?: number }
export type DownloadStreamOptions = TransferOptions<DownloadProgress>
export type UploadSource = Buffer | Uint8Array | string | Readable | ReadableStream<Uint8Array>
export type UploadStreamOptions = TransferOptions<UploadProgress>

/** Files by the names of the official package. Limits are in seconds, 0 is none. Default: 1800. */
export declare class FileSystem extends FileSystemCalls {
  downloadFile(remotePath: string, timeout?: number, options?: CallOptions): Promise<Buffer>
  downloadFile(remotePath: string, localPath: string, timeout?: number, options?: ProgressOptions): Promise<void>
  downloadFileStream(remotePath: string, timeout?: number): Promise<Readable>
  downloadFileStream(remotePath: string, options?: DownloadStreamOptions): Promise<Readable>
  /** Each file has a result or an error. */
  downloadFiles(files: FileDownloadRequest[], timeoutSec?: number): Promise<FileDownloadResponse[]>
  uploadFile(file: Buffer, remotePath: string, timeout?: number, options?: CallOptions): Promise<void>
  uploadFile(localPath: string, remotePath: string, timeout?: number, options?: ProgressOptions): Promise<void>
  uploadFileStream(source: UploadSource, remotePath: string, options?: UploadStreamOptions): Promise<void>
  uploadFiles(files: FileUpload[], timeout?: number): Promise<void>
}

export type OutputMessage = { output: string }
export type ExecutionResult = { stdout: string; stderr: string; error?: InterpreterError }

export interface RunCodeOptions extends CallOptions {
  context?: InterpreterContext
  envs?: Record<string, string>
  /** Seconds until the code is interrupted, 0 is never. Default: 600. */
  timeout?: number
  onStdout?: (message: OutputMessage) => any | Promise<any>
  onStderr?: (message: OutputMessage) => any | Promise<any>
  onError?: (error: InterpreterError) => any | Promise<any>
}

/** Python whose variables are kept. */
export declare class CodeInterpreter extends CodeInterpreterCalls {
  /** Runs code. An exception of the code is the result's `error`. */
  runCode(code: string, options?: RunCodeOptions): Promise<ExecutionResult>
}

/** Snapshots, by both sets of names. */
export declare class SnapshotService extends SnapshotCalls {
  /** Makes a snapshot and waits until it is active. `timeout`: seconds, 0 is no limit. Default: no limit. */
  create(
    params: CreateSnapshotParams,
    options?: { onLogs?: (chunk: string) => void; timeout?: number } & ProgressOptions,
  ): Promise<Snapshot>
  activate(snapshot: Snapshot | string, options?: CallOptions): Promise<Snapshot>
  /** One page of snapshots. */
  list(query?: ListSnapshotsQuery & CallOptions): Promise<SnapshotPage>
  list(page?: number, limit?: number, options?: CallOptions): Promise<SnapshotPage>
}

/** Volumes, by both sets of names. */
export declare class VolumeService extends VolumeCalls {
  /** A volume by its id or name. @param create Whether to make it where there is none. Default: false. */
  get(name: string, create?: boolean, options?: CallOptions): Promise<Volume>
}

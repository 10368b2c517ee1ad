// Classes of the official package with calls whose shape no mapping can say.

import type { Readable } from 'node:stream'
import type {
  CodeInterpreterCalls,
  FileSystemCalls,
  GitCalls,
  ProcessCalls,
  SnapshotCalls,
  VolumeCalls,
} from './generated/calls'
import type * as official from './generated/official'
import type { PtyInfo, Snapshot, SnapshotPage, Volume } from './generated/shapes'
import type { CallOptions, ProgressOptions } from './target'

/** Commands, code, sessions and terminals. */
export declare class Process extends ProcessCalls {
  /** Makes a terminal and attends it. */
  createPty(options?: official.PtyCreateOptions & official.PtyConnectOptions): Promise<PtyHandle>
  /** Attends a terminal that exists. */
  connectPty(sessionId: string, options?: official.PtyConnectOptions): Promise<PtyHandle>
}

/** A terminal whose output goes to a function. */
export declare class PtyHandle {
  private constructor()
  readonly sessionId: string
  readonly exitCode?: number
  readonly error?: string
  isConnected(): boolean
  waitForConnection(): Promise<void>
  sendInput(data: string | Uint8Array): Promise<void>
  resize(cols: number, rows: number): Promise<PtyInfo>
  /** Leaves the terminal; it goes on. */
  disconnect(): Promise<void>
  /** Waits until the shell has ended, or the connection has. */
  wait(): Promise<official.PtyResult>
  kill(): Promise<void>
}

/** Repositories. */
export declare class Git extends GitCalls {
  /** The URL of a remote; undefined where there is none of that name. */
  remoteGet(path: string, name: string, options?: CallOptions): Promise<string | undefined>
}

/** Files by the names of the official package. Limits are in seconds, 0 is none. Default: 1800. */
export declare class FileSystem extends FileSystemCalls {
  downloadFile(remotePath: string, timeout?: number, options?: CallOptions): Promise<Buffer>
  downloadFile(remotePath: string, localPath: string, timeout?: number, options?: ProgressOptions): Promise<void>
  downloadFileStream(remotePath: string, timeout?: number): Promise<Readable>
  downloadFileStream(remotePath: string, options?: official.DownloadStreamOptions): Promise<Readable>
  /** Each file has a result or an error. */
  downloadFiles(files: official.FileDownloadRequest[], timeoutSec?: number): Promise<official.FileDownloadResponse[]>
  uploadFile(file: Buffer, remotePath: string, timeout?: number, options?: CallOptions): Promise<void>
  uploadFile(localPath: string, remotePath: string, timeout?: number, options?: ProgressOptions): Promise<void>
  uploadFileStream(
    source: official.UploadSource,
    remotePath: string,
    options?: official.UploadStreamOptions,
  ): Promise<void>
  uploadFiles(files: official.FileUpload[], timeout?: number): Promise<void>
}

/** Python whose variables are kept. */
export declare class CodeInterpreter extends CodeInterpreterCalls {
  /** Runs code. An exception of the code is the result's `error`. */
  runCode(code: string, options?: official.RunCodeOptions): Promise<official.ExecutionResult>
}

/** Snapshots, by both sets of names. */
export declare class SnapshotService extends SnapshotCalls {
  activate(snapshot: Snapshot | string, options?: CallOptions): Promise<Snapshot>
  /** One page of snapshots. */
  list(query?: official.ListSnapshotsQuery & CallOptions): Promise<SnapshotPage>
  list(page?: number, limit?: number, options?: CallOptions): Promise<SnapshotPage>
}

/** Volumes, by both sets of names. */
export declare class VolumeService extends VolumeCalls {
  /** A volume by its id or name. @param create Whether to make it where there is none. Default: false. */
  get(name: string, create?: boolean, options?: CallOptions): Promise<Volume>
}

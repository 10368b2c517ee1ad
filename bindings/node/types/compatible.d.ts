// Parameters, answers and classes of the official package whose shape no mapping can say.

import type { Readable } from 'node:stream'
import type {
  Accessibility,
  CodeInterpreterCalls,
  ComputerA11yFindOptions,
  ComputerA11yTreeOptions,
  ComputerUseCalls,
  Display,
  FileSystemCalls,
  GitCalls,
  Keyboard,
  Mouse,
  ProcessCalls,
  RecordingService,
  SandboxListOptions,
  Screenshot,
  SnapshotCalls,
  VolumeCalls,
} from './generated/calls'
import type { CodeLanguage, ImageFormat, LspLanguageId, SandboxListSortDirection } from './generated/choices'
import type { SandboxListSortField, SandboxState, SecretSort, SortOrder } from './generated/choices'
import type {
  ChartElement,
  Chart,
  ClientConfig,
  CommandLogs,
  CompletionList,
  InterpreterContext,
  InterpreterError,
  LspSymbol,
  PtyInfo,
  Resources,
  Snapshot,
  SnapshotPage,
  Volume,
  VolumeMount,
} from './generated/shapes'
import type { Image } from './image'
import type { Sandbox } from './sandbox'
import type { Area, CallOptions, ProgressOptions } from './target'

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

export type CreateSandboxBaseParams = {
  name?: string
  user?: string
  language?: CodeLanguage | string
  /** Environment variables of every process. */
  envVars?: Record<string, string>
  /** The same. */
  env?: Record<string, string>
  labels?: Record<string, string>
  public?: boolean
  target?: string
  autoStopInterval?: number
  autoPauseInterval?: number
  autoArchiveInterval?: number
  autoDeleteInterval?: number
  ttlMinutes?: number
  volumes?: VolumeMount[]
  networkBlockAll?: boolean
  networkAllowList?: string
  domainAllowList?: string
  ephemeral?: boolean
  spot?: boolean
  linkedSandbox?: string
  /** Secrets as environment variables: their names by the variables' names. */
  secrets?: Record<string, string>
  /** false: does not wait until it is started. Default: true. */
  waitForStart?: boolean
  queueTimeout?: number
  kvm?: boolean
}

export type CreateSandboxFromImageParams = CreateSandboxBaseParams & { image: string | Image; resources?: Resources }
export type CreateSandboxFromSnapshotParams = CreateSandboxBaseParams & { snapshot?: string }
export type ForkSandboxParams = { name?: string }

/** Which sandboxes, in which order. `limit` is the length of a page. */
export interface ListSandboxesQuery extends Omit<SandboxListOptions, 'sort' | 'order' | 'states' | keyof CallOptions> {
  sort?: SandboxListSortField
  order?: SandboxListSortDirection
  states?: SandboxState[]
  /** The same as `regionIds`. */
  targets?: string[]
  minMemoryGib?: number
  maxMemoryGib?: number
  minDiskGib?: number
  maxDiskGib?: number
  lastActivityAfter?: Date
  lastActivityBefore?: Date
}

export interface SandboxMetrics {
  cpuCount: number
  cpuUsedPct: number
  diskTotal: number
  diskUsed: number
  memTotal: number
  memUsed: number
  memCache: number
  timestamp: Date
}

export interface UpdateSandboxNetworkSettings {
  networkBlockAll?: boolean
  networkAllowList?: string
  domainAllowList?: string
}

export interface ExecutionArtifacts {
  stdout: string
  charts?: Chart[]
}

export interface ExecuteResponse {
  exitCode: number
  result: string
  artifacts?: ExecutionArtifacts
}

export declare class CodeRunParams {
  argv?: string[]
  env?: Record<string, string>
  /** What runs the code. Default: the sandbox's language. */
  language?: string
}

export interface SessionExecuteRequest {
  command: string
  runAsync?: boolean
  suppressInputEcho?: boolean
}

export interface PtyCreateOptions {
  id: string
  cwd?: string
  envs?: Record<string, string>
  cols?: number
  rows?: number
}

export interface PtyConnectOptions {
  onData: (data: Uint8Array) => void | Promise<void>
}

export interface PtyResult {
  exitCode?: number
  error?: string
}

/** Commands, code, sessions and terminals. */
export declare class Process extends ProcessCalls {
  /** A command's output so far; with functions, all of it, live until the command ends. */
  getSessionCommandLogs(sessionId: string, commandId: string): Promise<CommandLogs>
  getSessionCommandLogs(
    sessionId: string,
    commandId: string,
    onStdout: (chunk: string) => void,
    onStderr: (chunk: string) => void,
    options?: CallOptions,
  ): Promise<void>
  /** The same of the sandbox's entrypoint. */
  getEntrypointLogs(): Promise<CommandLogs>
  getEntrypointLogs(
    onStdout: (chunk: string) => void,
    onStderr: (chunk: string) => void,
    options?: CallOptions,
  ): Promise<void>
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

export type FilePermissionsParams = { group?: string; mode?: string; owner?: string }

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
export type DownloadStreamOptions = {
  onProgress?: (progress: DownloadProgress) => void
  signal?: AbortSignal
  timeout?: number
}
export type UploadSource = Buffer | Uint8Array | string | Readable | ReadableStream<Uint8Array>
export type UploadStreamOptions = {
  onProgress?: (progress: UploadProgress) => void
  signal?: AbortSignal
  timeout?: number
}

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

export interface GitCommitResponse {
  sha: string
}

export interface OutputMessage {
  output: string
}

export interface ExecutionResult {
  stdout: string
  stderr: string
  error?: InterpreterError
}

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

export interface ScreenshotOptions {
  showCursor?: boolean
  format?: ImageFormat
  quality?: number
  scale?: number
}

export type AccessibilityTreeOptions = Omit<ComputerA11yTreeOptions, keyof CallOptions>
export type AccessibilityFindOptions = Omit<ComputerA11yFindOptions, keyof CallOptions>

/** The desktop by the names of the official package. */
export declare class ComputerUse extends ComputerUseCalls {
  get mouse(): Mouse
  get keyboard(): Keyboard
  get screenshot(): Screenshot
  get display(): Display
  get recording(): RecordingService
  get accessibility(): Accessibility
}

export type Position = { line: number; character: number }

/** A language server for one project. */
export declare class LspServer extends Area {
  constructor(sandbox: Sandbox, languageId: LspLanguageId | string, pathToProject: string)
  start(options?: CallOptions): Promise<void>
  stop(options?: CallOptions): Promise<void>
  didOpen(path: string, options?: CallOptions): Promise<void>
  didClose(path: string, options?: CallOptions): Promise<void>
  documentSymbols(path: string, options?: CallOptions): Promise<LspSymbol[]>
  /** @deprecated Use `sandboxSymbols`. */
  workspaceSymbols(query: string, options?: CallOptions): Promise<LspSymbol[]>
  sandboxSymbols(query: string, options?: CallOptions): Promise<LspSymbol[]>
  completions(path: string, position: Position, options?: CallOptions): Promise<CompletionList>
}

export type CreateSnapshotParams = {
  name: string
  image: string | Image
  resources?: Resources
  entrypoint?: string[]
  regionId?: string
}

export interface ListSnapshotsQuery {
  page?: number
  limit?: number
}

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

export declare class VolumeService extends VolumeCalls {
  /** A volume by its id or name. @param create Whether to make it where there is none. Default: false. */
  get(name: string, create?: boolean, options?: CallOptions): Promise<Volume>
}

export interface CreateSecretParams {
  name: string
  value: string
  description?: string
  hosts?: string[]
}

export interface UpdateSecretParams {
  value?: string
  description?: string
  hosts?: string[]
}

export interface ListSecretsQuery {
  cursor?: string
  limit?: number
  name?: string
  sort?: SecretSort
  order?: SortOrder
}

export interface CreateWarmPool {
  snapshot: string
  pool: number
  target?: string
}

export interface UpdateWarmPool {
  pool: number
}

export type Chart2D = Pick<Chart, 'type' | 'title' | 'png' | 'x_label' | 'y_label' | 'elements'>
export type PointChart = Chart2D &
  Pick<Chart, 'x_ticks' | 'y_ticks' | 'x_tick_labels' | 'y_tick_labels' | 'x_scale' | 'y_scale'>
export type LineChart = PointChart & { type: 'line' }
export type ScatterChart = PointChart & { type: 'scatter' }
export type BarChart = Chart2D & { type: 'bar' }
export type PieChart = Pick<Chart, 'type' | 'title' | 'png' | 'elements'> & { type: 'pie' }
export type BoxAndWhiskerChart = Chart2D & { type: 'box_and_whisker' }
export type CompositeChart = Pick<Chart, 'type' | 'title' | 'png' | 'elements'> & { type: 'composite_chart' }
export type PointData = Pick<ChartElement, 'label' | 'points'>
export type BarData = Pick<ChartElement, 'group' | 'label' | 'value'>
export type PieData = Pick<ChartElement, 'angle' | 'label' | 'radius'>
export type BoxAndWhiskerData = Pick<ChartElement, 'first_quartile' | 'label' | 'max' | 'median' | 'min' | 'outliers'>

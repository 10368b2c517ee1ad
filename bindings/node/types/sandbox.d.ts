import type { CodeInterpreter, ComputerUse, FileSystem, Git, LspServer, Process, SandboxMetrics } from './compatible'
import type { SandboxCalls } from './generated/calls'
import type { LspLanguageId } from './generated/choices'
import type { BackupState, SandboxState } from './generated/choices'
import type { BuildInfo, SandboxInfo, VolumeMount } from './generated/shapes'
import type { CallOptions } from './target'

/**
 * A sandbox: what the server said of it last, as fields, and everything that can be done in it. Its handle is released
 * with the object, or by `await using`; nothing happens to the sandbox then.
 */
export declare class Sandbox extends SandboxCalls implements AsyncDisposable {
  private constructor()
  id: string
  name: string
  organizationId: string
  snapshot?: string
  user: string
  env?: Record<string, string>
  labels: Record<string, string>
  public: boolean
  target: string
  cpu: number
  gpu: number
  spot?: boolean
  spotEvictedAt?: string
  memory: number
  disk: number
  state?: SandboxState
  errorReason?: string
  recoverable?: boolean
  backupState?: BackupState
  backupCreatedAt?: string
  autoStopInterval?: number
  autoPauseInterval?: number
  autoArchiveInterval?: number
  autoDeleteInterval?: number
  autoDestroyAt?: string
  volumes?: VolumeMount[]
  buildInfo?: BuildInfo
  createdAt?: string
  updatedAt?: string
  lastActivityAt?: string
  networkBlockAll?: boolean
  networkAllowList?: string
  domainAllowList?: string
  outboundProxyUrl?: string
  linkedSandboxId?: string
  toolboxProxyUrl: string

  /** Commands, code and sessions. */
  get process(): Process
  /** Repositories. */
  get git(): Git
  /** Files by the names of the official package; `files` has them by their own. */
  get fs(): FileSystem
  /** The desktop by the names of the official package; `computer` has it by its own. */
  get computerUse(): ComputerUse
  /** Python by the names of the official package; `interpreter` has it by its own. */
  get codeInterpreter(): CodeInterpreter
  /** A language server for a project; `lsp` has the same operations by their own names. */
  createLspServer(languageId: LspLanguageId | string, pathToProject: string): Promise<LspServer>
  /** Replaces the secrets that it has as environment variables: their names by the variables' names. */
  updateSecrets(secrets: Record<string, string>, options?: CallOptions): Promise<void>
  /** What it used over a time. Default: from its creation until now. */
  getMetrics(start?: Date, end?: Date, options?: CallOptions): Promise<SandboxMetrics[]>
  /** What the server said of it last, as it came. */
  toJSON(): SandboxInfo
  /** Releases the handle; nothing happens to the sandbox. Calls afterwards fail with DaytonaClosedError. */
  close(): void
  [Symbol.asyncDispose](): Promise<void>
}

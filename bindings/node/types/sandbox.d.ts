import type { LspServer, SandboxCalls } from './generated/calls'
import type { LspLanguageId } from './generated/choices'
import type { SandboxMetrics } from './generated/official'
import type { SandboxInfo } from './generated/shapes'
import type { CallOptions } from './target'

/** What the server said, without null: that is undefined. A method has its name for itself. */
export type SandboxFields = {
  [Name in keyof SandboxInfo as Exclude<Name, keyof SandboxCalls>]: Exclude<SandboxInfo[Name], null>
}

export interface Sandbox extends SandboxFields {}

/**
 * A sandbox: what the server said of it last, as fields, and everything that can be done in it. Its handle is released
 * with the object, or by `await using`; nothing happens to the sandbox then.
 */
export declare class Sandbox extends SandboxCalls implements AsyncDisposable {
  private constructor()
  /** A language server for a project; `lsp` has the same operations by their own names. */
  createLspServer(languageId: LspLanguageId | string, pathToProject: string): Promise<LspServer>
  /** What it used over a time. Default: from its creation until now. */
  getMetrics(start?: Date, end?: Date, options?: CallOptions): Promise<SandboxMetrics[]>
  /** What the server said of it last, as it came. */
  toJSON(): SandboxInfo
  /** Releases the handle; nothing happens to the sandbox. Calls afterwards fail with DaytonaClosedError. */
  close(): void
  [Symbol.asyncDispose](): Promise<void>
}

import type { PtyResult } from './generated/official'
import type { PtyInfo } from './generated/shapes'

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
  wait(): Promise<PtyResult>
  kill(): Promise<void>
}

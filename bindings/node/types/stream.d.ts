import type { Duplex, Readable, Writable } from 'node:stream'

/** Where a piece of a stream comes from: `data` where there is one channel, `structured` for JSON values. */
export type Channel = 'data' | 'stdout' | 'stderr' | 'structured'

/** A piece of a stream. */
export declare class Chunk<C extends Channel = Channel> {
  readonly channel: C
  /** The bytes, as they came. */
  readonly data: Buffer
  /** How many raw bytes were consumed so far: the value to resume from. From 2^53 on a bigint. */
  readonly position: number | bigint
  /** The bytes as UTF-8. A character may be cut between two chunks; `Stream.text` puts those together. */
  get text(): string
  /** The JSON value of a `structured` chunk. */
  get value(): any
}

/**
 * A running command, a terminal, followed output or a transfer. It is opened by the call that gives it; whether that
 * worked shows at `opened`, at `result` and at its reader. What nobody reads holds the remote side back. Leaving a
 * `for await` early closes it. One loop, text or stream of Node reads it at a time, a second one is DaytonaBusyError: of two
 * channels take each chunk by its `channel`.
 */
export declare class Stream<Opened = any, Ended = any, C extends Channel = Channel>
  implements AsyncIterable<Chunk<C>>, AsyncDisposable
{
  /** What the server said when it opened. */
  opened(): Promise<Opened>
  /** How it ended. What nobody has begun to read is dropped; else it waits until all is read. */
  result(): Promise<Ended>
  /** The next chunk; undefined at a good end. */
  read(): Promise<Chunk<C> | undefined>
  [Symbol.asyncIterator](): AsyncGenerator<Chunk<C>, void, undefined>
  /** The bytes as text, of one channel or of all; what other channels have is dropped. */
  text(channel?: C): AsyncGenerator<string, void, undefined>
  /** Sends bytes, or a text as UTF-8; done when all is taken. */
  write(data: string | ArrayBuffer | ArrayBufferView): Promise<void>
  /** Says that no more is written: an upload completes. */
  finish(): Promise<void>
  /** Ends the remote side where it can be ended. Those that wait get DaytonaClosedError. */
  close(): void
  [Symbol.asyncDispose](): Promise<void>
  /** Its bytes as a stream of Node, of one channel or of all; what other channels have is dropped. */
  readable(channel?: C): Readable
  /** Its input as a stream of Node. Its end completes an upload; of a terminal it ends the input alone. */
  writable(): Writable
  /** Both, as for a terminal. */
  duplex(): Duplex
}

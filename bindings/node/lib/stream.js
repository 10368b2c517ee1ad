'use strict'
// A stream: a running command, a terminal, followed output, a transfer. It is read by `for await`, as a stream of Node, or
// to its end by `result`. What nobody reads stays in the library, which holds the remote side back.

const { Readable, Writable, Duplex } = require('node:stream')
const { StringDecoder } = require('node:string_decoder')
const library = require('./library')
const json = require('./json')
const { failure, fromJson } = require('./errors')
const { Queue, BATCH, check, closed, cancelled, prepared, whenAborted, stored, number, pointer } = require('./pump')
const { bytesOf, valueOf, report } = require('./pump')
const { toBytes } = require('./arguments')
const { channels, finishes, kinds, statuses } = require('./generated/tables')

const { OPENED, DATA, PROGRESS, ENDED, WRITABLE } = kinds
/** What may wait in the library, and on this side, where each chunk counts a little beside its bytes. */
const CAPACITY = { capacityBytes: 1 << 20, capacityCalls: 4 }
const ENOUGH_BYTES = 256 << 10
const CHUNK_BYTES = 256

/** A piece of a stream: `data` of one `channel`, up to `position`. */
class Chunk {
  /** @param {string} channel @param {Buffer} data @param {number | bigint} position */
  constructor(channel, data, position) {
    this.channel = channel
    this.data = data
    this.position = position
  }

  /** The bytes as UTF-8. A character may be cut between two chunks: `Stream.text` puts those together. */
  get text() {
    return this.data.toString()
  }

  /** The JSON value of a `structured` chunk. */
  get value() {
    return json.parse(this.text)
  }
}

class Stream {
  /** @type {Chunk[]} */ #chunks = []
  #buffered = 0
  #handle = 0
  /** @type {InstanceType<typeof Queue> | undefined} */ #queue
  /** Events may be waiting: the descriptor said so, and nobody has taken them. */
  #ready = false
  #reading = false
  /** A loop or a stream of Node gets the chunks; a second one would take some of them from it. */
  #looping = false
  #discarding = false
  #first = 0
  /** From this many bytes on it takes no more. */ #enough = ENOUGH_BYTES
  #room = true
  /** @type {any} */ #opened
  /** @type {{ error: any, value?: any } | undefined} */ #end
  /** @type {(() => void)[]} */ #waiting = []
  /** @type {Promise<any>} */ #writing = Promise.resolve()
  #owner
  #operation
  /** @type {((progress: any) => void) | undefined} */ #onProgress
  /** Ends the listening to a signal. @type {(() => void) | undefined} */ #release

  /** @param {any} owner @param {string} operation @param {object} params @param {any} [options] */
  constructor(owner, operation, params, options) {
    this.#owner = owner
    this.#operation = operation
    this.#onProgress = options?.onProgress
    const signal = options?.signal
    try {
      const text = prepared(owner, operation, params, options)
      this.#queue = new Queue(
        CAPACITY,
        (event) => this.#take(event),
        () => {
          this.#ready = true
          this.#look()
        },
      )
      check(library.streamOpen(owner._handle, operation, text, this.#queue.handle, 0, number, pointer))
      this.#handle = stored()
      owner._client._streams.add(this)
      this.#release = whenAborted(signal, () => this.#stop(cancelled(operation, signal.reason, 'by its signal')))
    } catch (error) {
      this.#stop(error)
    }
  }

  /** What the server said when the stream opened. */
  async opened() {
    while (!this.#opened && !this.#end) await this.#change()
    if (this.#opened) return this.#opened.value
    throw this.#failure()
  }

  /** How it ended. What nobody has begun to read is dropped. */
  async result() {
    if (!this.#reading) {
      this.#discarding = true
      this.#drop()
    }
    while (!this.#end) await this.#change()
    if (this.#end.error) throw this.#end.error
    return this.#end.value
  }

  /** Waits until its client has ended it, and takes over what is left of it: nobody else may ever ask. */
  async _settled() {
    this.#enough = Infinity
    while (!this.#end) await this.#change()
  }

  /** The next chunk, or undefined at a good end. @returns {Promise<Chunk | undefined>} */
  async read() {
    this.#reading = true
    for (;;) {
      const chunk = this.#shift()
      if (chunk) return chunk
      if (this.#end?.error) throw this.#end.error
      if (this.#end) return undefined
      await this.#change()
    }
  }

  [Symbol.asyncIterator]() {
    return this.#chunksOf(undefined)
  }

  /** @param {string | undefined} channel undefined is all */
  #chunksOf(channel) {
    if (this.#looping && !this.#end?.error) {
      const message = `${this.#operation} is read already; one loop gets the chunks of all channels.`
      throw failure('BUSY', message, this.#operation)
    }
    this.#looping = this.#reading = true
    return this.#iterate(channel)
  }

  /** @param {string | undefined} channel */
  async *#iterate(channel) {
    try {
      for (;;) {
        const chunk = this.#shift() ?? (await this.read())
        if (!chunk) return
        if (channel === undefined || chunk.channel === channel) yield chunk
      }
    } finally {
      this.#looping = false
      this.close()
    }
  }

  /** The bytes as text; characters that are cut between chunks are put together. @param {string} [channel] */
  text(channel) {
    return mapped(this._texts(channel), ({ text }) => text)
  }

  /** The text with the channel that each is of. @param {string} [channel] */
  _texts(channel) {
    return decoded(this.#chunksOf(channel))
  }

  /** Hands the text to a function for each channel, and gives the end. @param {Record<string, Function | undefined>} on */
  async _each(on) {
    for await (const { channel, text } of this._texts()) await on[channel]?.(text)
    return this.result()
  }

  /** Sends bytes, or a text as UTF-8; done when the library has taken them all. @param {string | Uint8Array} data */
  write(data) {
    const body = toBytes(data)
    const written = this.#writing.then(() => this.#send(body))
    this.#writing = written.catch(() => {})
    return written
  }

  /** Says that no more is written: an upload completes. @returns {Promise<void>} */
  async finish() {
    await this.#writing
    if (this.#end) throw this.#failure()
    check(library.streamFinish(this.#handle, pointer))
  }

  /** Ends the remote side where it can be ended. Whoever waits gets DaytonaClosedError. */
  close() {
    this.#stop(closed('stream'))
  }

  async [Symbol.asyncDispose]() {
    this.close()
  }

  /** Its bytes as a stream of Node. @param {string} [channel] */
  readable(channel) {
    return this._readable(mapped(this.#chunksOf(channel), ({ data }) => data))
  }

  /** Pieces of this, whose end closes it: a generator that never began ends nothing. @param {AsyncIterable<Buffer>} pieces */
  _readable(pieces) {
    return Readable.from(pieces, { objectMode: false }).once('close', () => this.close())
  }

  /** Its input as a stream of Node. Its end completes an upload; of a terminal it ends the input alone. */
  writable() {
    const writable = new Writable({
      write: (data, _, done) => void this.write(data).then(() => done(), done),
      final: (done) => {
        if (!finishes.has(this.#operation)) return done()
        this.finish()
          .then(() => this.result())
          .then(() => done(), done)
      },
      destroy: (error, done) => {
        if (!writable.writableFinished) this.close()
        done(error)
      },
    })
    return writable
  }

  /** Both, as for a terminal. */
  duplex() {
    return Duplex.from({ readable: this.readable(), writable: this.writable() })
  }

  #shift() {
    if (this.#first === this.#chunks.length) return undefined
    const chunk = this.#chunks[this.#first++]
    this.#buffered -= chunk.data.length + CHUNK_BYTES
    if (this.#first === this.#chunks.length) this.#drop()
    // Others wait for what stands behind the data.
    if (this.#waiting.length && this.#ready) this.#look()
    return chunk
  }

  /** @param {Uint8Array} body */
  async #send(body) {
    for (let at = 0; at < body.byteLength;) {
      if (this.#end) throw this.#failure()
      this.#room = false
      const left = body.byteLength - at
      const status = library.streamWrite(this.#handle, at ? body.subarray(at) : body, left, 0, number, null)
      if (status !== statuses.WOULD_BLOCK) check(status, `Writing to ${this.#operation}`, this.#operation)
      if (!status) at += stored()
      while (at < body.byteLength && !this.#room && !this.#end) await this.#change()
    }
  }

  /** Takes a batch where there is room for it, asked or not: the end gives its descriptors back. Wakes those who wait. */
  #look() {
    if (!this.#queue || this.#buffered >= this.#enough) return false
    const count = this.#queue.take()
    this.#ready = count === BATCH
    if (count) this.#wake()
    return count > 0
  }

  #wake() {
    const waiting = this.#waiting
    if (!waiting.length) return
    this.#waiting = []
    this.#queue?.hold(false)
    for (const wake of waiting) wake()
  }

  /** Something new, or the end. @returns {Promise<void> | undefined} */
  #change() {
    if (this.#ready && this.#look()) return undefined
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#queue?.hold(true)
    })
  }

  /** @param {import('./pump').Event} event */
  #take(event) {
    switch (event.kind) {
      case DATA:
        if (this.#discarding) break
        this.#chunks.push(new Chunk(channels[event.channel], bytesOf(event), event.position))
        this.#buffered += event.length + CHUNK_BYTES
        break
      case OPENED:
        this.#opened = { value: valueOf(event) }
        break
      case WRITABLE:
        this.#room = true
        break
      case PROGRESS:
        report(this.#onProgress, event, (error) => this.#stop(error))
        break
      case ENDED: {
        const value = valueOf(event)
        if (event.status) this.#over(fromJson(value))
        else this.#over(undefined, event.result ? this.#owner._sandbox(event.result, value) : value)
      }
    }
  }

  #failure() {
    return this.#end?.error ?? failure('CLOSED', `${this.#operation} has ended.`, this.#operation)
  }

  #drop() {
    this.#chunks = []
    this.#buffered = this.#first = 0
  }

  /** Ends it from this side; chunks that nobody has read are gone. @param {any} error */
  #stop(error) {
    if (!this.#end) this.#drop()
    this.#over(error)
  }

  /** @param {any} error @param {any} [value] */
  #over(error, value) {
    if (this.#end) return
    this.#end = { error, value }
    this.#release?.()
    this.#owner._client._streams.delete(this)
    if (this.#handle) library.close(this.#handle)
    this.#wake()
    this.#queue?.close()
    this.#queue = undefined
  }
}

/** @template T, R @param {AsyncIterable<T>} items @param {(item: T) => R} of */
async function* mapped(items, of) {
  for await (const item of items) yield of(item)
}

/** @param {AsyncIterable<Chunk>} chunks */
async function* decoded(chunks) {
  /** @type {Map<string, StringDecoder>} */
  const decoders = new Map()
  for await (const { channel, data } of chunks) {
    const decoder = decoders.get(channel) ?? new StringDecoder()
    decoders.set(channel, decoder)
    const text = decoder.write(data)
    if (text) yield { channel, text }
  }
  for (const [channel, decoder] of decoders) {
    const text = decoder.end()
    if (text) yield { channel, text }
  }
}

module.exports = { Stream, Chunk }

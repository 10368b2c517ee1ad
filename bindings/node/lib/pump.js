'use strict'
// The way from the library's queues to promises. A thread has one queue for its calls, and a stream has one of its own,
// so that a stream that nobody reads is held back alone. A queue's descriptor is watched by the event loop; what is
// ready is taken in batches, and nothing here ever waits. Code of the user never runs inside a batch.

const { setMaxListeners } = require('node:events')
const net = require('node:net')
const { isMainThread } = require('node:worker_threads')
const koffi = require('koffi')
const library = require('./library')
require('./generated/classes') // An error for want of descriptors could not load it any more.
const json = require('./json')
const { failure, fromJson } = require('./errors')
const { merge, toBytes } = require('./arguments')
const { bodies, kinds, levels, returns } = require('./generated/tables')

const { DONE, PROGRESS, LOG } = kinds
/** How long the end of the process waits for what closing began, such as the end of a remote command. */
const SHUTDOWN_MS = 1500
const WORD = 2 ** 32

const BATCH = 64
const EVENT_WORDS = 16
const events = new Uint8Array(BATCH * EVENT_WORDS * 4)
const words = new Uint32Array(events.buffer)
const pointers = new BigUint64Array(events.buffer)
const number = new Uint32Array(2)
const pointer = new BigUint64Array(1)

const system = koffi.load(null)
const memcpy = system.func('memcpy', 'void', ['void *', 'void *', 'size_t'])

/** The 64-bit number that a function stored in `number`; a handle, a count and a descriptor are below 2^53. */
const stored = () => number[0] + number[1] * WORD

/** The text that a function stored in `pointer`, which is freed. */
function takeText() {
  const text = koffi.decode.string(pointer[0])
  library.free(pointer[0])
  pointer[0] = 0n
  return text
}

/**
 * Throws what a function that failed at once stored in `pointer`, or the name of its status.
 * @param {number} status @param {string} [what] @param {string} [operation]
 */
function check(status, what = 'A function of the library', operation) {
  if (!status) return
  if (pointer[0]) throw fromJson(json.parse(takeText()))
  const name = library.statusName(status)
  throw failure(name, `${what} failed: ${name}.`, operation)
}

/**
 * A call that needs no server, at once: its answer as text, and its handle in `number`.
 * @param {number} target @param {string} operation @param {object} params
 */
function immediate(target, operation, params) {
  check(library.call(target, operation, json.stringify(params), null, 0, number, pointer, null))
  return takeText()
}

/**
 * One event of a batch. `pointer` and `length` are its data, which is gone when the handler returns.
 * @typedef {{ kind: number, status: number, channel: number, user: number, result: number, position: number | bigint,
 *   pointer: bigint, length: number }} Event
 */

/** @param {Event} event */
const textOf = ({ pointer, length }) => (length ? koffi.decode.string(pointer, length) : '')

/** @param {Event} event @returns {any} */
const valueOf = (event) => json.parse(textOf(event))

/** @param {Event} event */
function bytesOf({ pointer, length }) {
  const copy = length < 2048 ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
  if (length) memcpy(copy, pointer, length)
  return copy
}

/** @param {number} low @param {number} high */
const wide = (low, high) => (high < 0x200000 ? low + high * WORD : BigInt(low) + (BigInt(high) << 32n))

/** A queue, and its descriptor on the event loop. */
class Queue {
  /** @param {object} options @param {(event: Event) => void} onEvent @param {() => void} onReady */
  constructor(options, onEvent, onReady) {
    check(library.queueOpen(JSON.stringify(options), number, pointer))
    this.handle = stored()
    this.onEvent = onEvent
    const status = library.queueFd(this.handle, number)
    if (status) library.close(this.handle)
    check(status, 'Taking a descriptor, of which too many may be open,')
    const onread = { buffer: new Uint8Array(16), callback: () => (onReady(), true) }
    this.socket = new net.Socket(/** @type {any} */ ({ fd: number[0], readable: true, writable: false, onread }))
    this.socket.on('error', () => {})
    this.socket.unref().resume()
  }

  /** Takes what is ready, at most one batch; how many events that were. */
  take() {
    const status = library.queueNext(this.handle, events, BATCH, 0, number)
    if (status) return 0
    const count = number[0]
    for (let index = 0; index < count; index++) {
      const at = index * EVENT_WORDS
      this.onEvent({
        user: words[at + 2] + words[at + 3] * WORD,
        result: words[at + 4] + words[at + 5] * WORD,
        position: wide(words[at + 6], words[at + 7]),
        pointer: pointers[index * 8 + 4],
        length: words[at + 10] + words[at + 11] * WORD,
        kind: words[at + 12],
        status: words[at + 13],
        channel: words[at + 14],
      })
    }
    return count
  }

  /** Keeps the process alive, or not. @param {boolean} busy */
  hold(busy) {
    this.socket[busy ? 'ref' : 'unref']()
  }

  close() {
    library.close(this.handle)
    this.socket.destroy()
  }
}

/**
 * How an operation's answer is read, where it is not JSON.
 * @type {Record<string, (event: Event, owner: any) => any>}
 */
const readers = {
  bytes: bytesOf,
  text: textOf,
  null: () => undefined,
  handle: (event, owner) => owner._sandbox(event.result, valueOf(event)),
}

/**
 * A call under way.
 * @typedef {{ resolve: (value: any) => void, reject: (error: unknown) => void, operation: string, owner: any,
 *   id: number, onProgress?: (progress: any) => void, signal?: AbortSignal, release?: () => void, done?: (_: any) => void }} Pending
 */

/** @type {Map<number, Pending>} */
const pending = new Map()
let last = 0
/** What gets the lines of the log. @type {((line: any) => void) | undefined} */
let listener
/** @type {Queue | undefined} */
let calls

function queue() {
  if (!calls) {
    calls = new Queue({ capacityCalls: 1_000_000 }, onEvent, () => calls?.take())
    opened(calls.handle)
  }
  return calls
}

/** @param {Event} event */
function onEvent(event) {
  if (event.kind === LOG) return report(listener, event)
  const call = pending.get(event.user)
  if (!call) return
  if (event.kind === PROGRESS) {
    report(call.onProgress, event, (error) => {
      call.reject(error)
      library.cancel(call.id)
    })
  }
  if (event.kind !== DONE) return
  pending.delete(event.user)
  if (!pending.size) queue().hold(false)
  call.release?.()
  try {
    if (event.status) throw fromJson(valueOf(event), call.signal?.aborted ? call.signal.reason : undefined)
    const read = readers[returns[call.operation]] ?? valueOf
    settle(call, 'resolve', read(event, call.owner))
  } catch (error) {
    settle(call, 'reject', error)
  }
}

/** Behind the reports of progress of the same batch. @param {Pending} call @param {'resolve' | 'reject'} how @param {any} value */
function settle(call, how, value) {
  if (call.onProgress) queueMicrotask(() => call[how](value))
  else call[how](value)
  call.done?.(undefined)
}

/**
 * Tells a function of the user what an event says, behind the batch. An error of it ends what it is about, if anything.
 * @param {((value: any) => void) | undefined} tell @param {Event} event @param {(error: unknown) => void} [fail]
 */
function report(tell, event, fail) {
  const value = valueOf(event)
  queueMicrotask(() => {
    try {
      tell?.(value)
    } catch (error) {
      if (!fail) throw error
      fail(error)
    }
  })
}

/** @param {string} what */
const closed = (what) => failure('CLOSED', `The ${what} is closed.`)

/**
 * The parameters of a call or stream that may begin, as text.
 * @param {any} owner @param {string} operation @param {object} params @param {any} [options]
 */
function prepared(owner, operation, params, options) {
  if (!owner._handle) throw closed(owner === owner._client ? 'client' : 'sandbox')
  if (options?.signal?.aborted) throw cancelled(operation, options.signal.reason, 'before it began')
  return json.stringify(merge(params, options, owner, operation))
}

/**
 * Starts a call. @param {any} owner the client or sandbox that it acts on @param {string} operation @param {object} params
 * @param {any} options with `signal` and `onProgress` @param {any} [body] the bytes, of an operation that takes some
 * @returns {Promise<any>}
 */
function submit(owner, operation, params, options, body) {
  return new Promise((resolve, reject) => {
    const bytes = body !== undefined || bodies.has(operation) ? toBytes(body) : null
    const text = prepared(owner, operation, params, options)
    const user = ++last
    const { handle } = queue()
    check(library.submit(owner._handle, operation, text, bytes, bytes?.byteLength ?? 0, handle, user, number, pointer))
    const id = stored()
    const { onProgress, signal } = options ?? {}
    const release = whenAborted(signal, () => library.cancel(id))
    pending.set(user, { resolve, reject, operation, owner, id, onProgress, signal, release })
    if (pending.size === 1) queue().hold(true)
  })
}

/**
 * Listens to a signal if there is one, and gives what ends that. Many calls may have one signal, which is no leak.
 * @param {AbortSignal | undefined} signal @param {() => void} abort
 */
function whenAborted(signal, abort) {
  if (!signal) return undefined
  if (signal instanceof EventTarget) setMaxListeners(0, signal)
  signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

/** @param {string} operation @param {unknown} cause @param {string} when */
const cancelled = (operation, cause, when) =>
  failure('CANCELLED', `${operation} was cancelled ${when}.`, operation, cause)

/** Sends the library's log lines of this level and those above it to a function. @param {string} level @param {(line: any) => void} [onLine] */
function onLog(level, onLine) {
  listener = levels[level] ? onLine : undefined
  check(library.log(levels[level], levels[level] ? queue().handle : 0, 0))
}

const KEY = process.platform === 'darwin' ? 'uint64_t' : 'uint32_t'
const thread = !isMainThread &&
  process.platform !== 'win32' && {
    create: system.func('pthread_key_create', 'int', ['void *', 'void *']),
    set: system.func('pthread_setspecific', 'int', [KEY, 'uint64_t']),
    delete: system.func('pthread_key_delete', 'int', [KEY]),
  }

/** The clients and the queue that are open in this thread: the keys of their handles. @type {Map<number, number | null>} */
const keys = new Map()

/**
 * Lets a handle end with this thread. A thread that is terminated runs no JavaScript any more. What its end does run are
 * the destructors of its thread-specific values: the value is the handle, the destructor `daytona_close`. The keys of a
 * terminated thread stay, and a process has few: a client and the queue of the calls take one, no stream does.
 * @param {number} handle
 */
function opened(handle) {
  keys.set(handle, null)
  if (!thread || thread.create(number.fill(0), library.closeAddress)) return
  keys.set(handle, stored())
  thread.set(keys.get(handle), handle)
}

/** @param {number} handle of a client, or of a sandbox, to which nothing happens then */
function closeHandle(handle) {
  library.close(handle)
  const key = keys.get(handle) ?? null
  if (thread && key !== null) thread.delete(key)
  keys.delete(handle)
}

/** Closes the handles of clients and sandboxes that nobody has any more. */
const forgotten = new FinalizationRegistry(closeHandle)

/** Waits until every call of a client and of its sandboxes has its answer. @param {any} client */
function settled(client) {
  const calls = [...pending.values()].filter((call) => call.owner._client === client)
  return Promise.all(calls.map((call) => new Promise((done) => (call.done = done))))
}

process.on('exit', () => {
  for (const handle of keys.keys()) closeHandle(handle)
  if (isMainThread) library.shutdown(SHUTDOWN_MS)
})

module.exports = {
  ...{ Queue, BATCH, submit, onLog, opened, closeHandle, forgotten, settled, version: library.version() },
  ...{ check, closed, cancelled, prepared, whenAborted, stored, number, pointer, bytesOf, valueOf, report, immediate },
}

'use strict'
// The calls of the official package whose shape no mapping can say: files, terminals, code with callbacks. The others are
// generated from official.json.

const fs = require('node:fs')
const { Readable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { fromJson } = require('./errors')
const { isPlain, idOf, positional, renamed, toBytes } = require('./arguments')
const calls = require('./generated/calls')
const { DaytonaNotFoundError } = require('./generated/errors')

/** The official package's limit of a transfer, in seconds. */
const TRANSFER = ['@1800']

class Process extends calls.ProcessCalls {
  /** @param {any} options */
  async createPty(options) {
    const { onData, ...rest } = renamed(options, 'PtyCreateOptions')
    const { id, signal } = rest
    await this._target.pty.create(id, { ...rest, lazyStart: true })
    try {
      return await this.connectPty(id, { onData, signal })
    } catch (error) {
      // Nobody attends it, and its id would stay taken.
      await this._target.pty.kill(id, { timeoutMs: 5000 }).catch(() => {})
      throw error
    }
  }

  /** @param {string} sessionId @param {any} [options] */
  async connectPty(sessionId, options) {
    const { onData, ...rest } = renamed(options)
    const handle = new PtyHandle(this, this._target.pty.connect(sessionId, rest), sessionId, onData)
    await handle.waitForConnection()
    return handle
  }
}

/** A terminal whose output goes to a function. */
class PtyHandle {
  #process
  #stream
  #ended
  #isOpen = false
  /** @type {number | undefined} */ exitCode
  /** @type {string | undefined} */ error

  /** @param {any} process @param {any} stream @param {string} sessionId @param {((data: Uint8Array) => any) | undefined} onData */
  constructor(process, stream, sessionId, onData) {
    this.#process = process
    this.#stream = stream
    this.sessionId = sessionId
    this.#ended = this.#follow(onData)
  }

  /** How it ended. @param {((data: Uint8Array) => any) | undefined} onData */
  async #follow(onData) {
    try {
      for await (const { data } of this.#stream) await onData?.(data)
      const { exitCode, reason } = await this.#stream.result()
      Object.assign(this, { exitCode, error: reason ?? undefined })
    } catch (error) {
      const { exitCode, message } = /** @type {any} */ (error)
      Object.assign(this, { exitCode, error: message })
    }
    return { exitCode: this.exitCode, error: this.error }
  }

  isConnected() {
    return this.#isOpen
  }

  async waitForConnection() {
    await this.#stream.opened()
    this.#isOpen = true
    void this.#ended.then(() => (this.#isOpen = false))
  }

  /** @param {string | Uint8Array} data */
  sendInput(data) {
    return this.#stream.write(data)
  }

  /** @param {number} cols @param {number} rows */
  resize(cols, rows) {
    return this.#process.resizePtySession(this.sessionId, cols, rows)
  }

  /** Leaves the terminal; it goes on. */
  async disconnect() {
    this.#stream.close()
  }

  wait() {
    return this.#ended
  }

  kill() {
    return this.#process.killPtySession(this.sessionId)
  }
}

class Git extends calls.GitCalls {
  /** @param {string} path @param {string} name @param {any} [options] */
  async remoteGet(path, name, options) {
    const { remotes } = await this.remotes(path, options)
    return remotes.find((/** @type {any} */ remote) => remote.name === name)?.url
  }
}

class FileSystem extends calls.FileSystemCalls {
  /** @param {string} remotePath @param {any[]} more the local path; seconds; options @returns {Promise<any>} */
  async downloadFile(remotePath, ...more) {
    const { files } = this._target
    if (typeof more[0] !== 'string') return collect(files.reader(remotePath, positional(TRANSFER, more)))
    await files.download(remotePath, more[0], positional(TRANSFER, more.slice(1)))
  }

  /** @param {string} remotePath @param {any[]} more seconds; options @returns {Promise<any>} */
  async downloadFileStream(remotePath, ...more) {
    const { onProgress, timeout, ...rest } = positional(['timeout'], more)
    const stream = this._target.files.reader(remotePath, positional(TRANSFER, [timeout, rest]))
    const { length } = await stream.opened()
    let bytesReceived = 0
    async function* pieces() {
      for await (const { data } of stream) {
        bytesReceived += data.length
        onProgress?.({ bytesReceived, totalBytes: length ?? undefined })
        yield data
      }
    }
    return stream._readable(pieces())
  }

  /** @param {any[]} files @param {any[]} more seconds; options */
  async downloadFiles(files, ...more) {
    const options = positional(TRANSFER, more)
    return Promise.all(
      files.map(async ({ source, destination }) => {
        try {
          // Not by streams, which take descriptors each: of these calls as many run at a time as there are connections.
          if (destination === undefined) return { source, result: await this._target.files.read(source, options) }
          await this._target.files.download(source, destination, options)
          return { source, result: destination }
        } catch (failure) {
          const { message, statusCode, code, source: from } = /** @type {any} */ (failure)
          return { source, error: message, errorDetails: { message, statusCode, code, errorCode: code, source: from } }
        }
      }),
    )
  }

  /** @param {any} file bytes, or a local path @param {string} remotePath @param {any[]} more seconds; options */
  async uploadFile(file, remotePath, ...more) {
    const options = positional(TRANSFER, more)
    if (typeof file === 'string') await this._target.files.upload(file, remotePath, options)
    else await this._target.files.write(remotePath, file, options)
  }

  /** @param {any} source @param {string} remotePath @param {any} [options] */
  async uploadFileStream(source, remotePath, options) {
    const { onProgress, timeout, ...rest } = renamed(options)
    const from = typeof source === 'string' ? fs.createReadStream(source) : source
    const pieces = from instanceof Uint8Array ? [from] : from.getReader ? Readable.fromWeb(from) : from
    let bytesSent = 0
    async function* counted() {
      for await (const piece of pieces) {
        const data = toBytes(piece) // A text is longer in bytes than in characters.
        yield data
        bytesSent += data.length
        onProgress?.({ bytesSent })
      }
    }
    await pipeline(counted, this._target.files.writer(remotePath, positional(TRANSFER, [timeout, rest])).writable())
  }

  /** @param {any[]} files @param {any[]} more seconds; options */
  async uploadFiles(files, ...more) {
    const isLocal = (/** @type {any} */ file) => typeof file.source === 'string'
    const pairs = files.filter(isLocal).map((it) => ({ localPath: it.source, remotePath: it.destination }))
    const bytes = files.filter((file) => !isLocal(file))
    const many = pairs.length ? this._target.files.uploadMany(pairs, positional(TRANSFER, more)) : []
    const done = await Promise.all([many, ...bytes.map((it) => this.uploadFile(it.source, it.destination, ...more))])
    const failed = done[0].find((/** @type {any} */ it) => it.error)
    if (failed) throw fromJson(failed.error)
  }
}

/** All bytes of a reader, in a buffer that is as long as the file where its length is known. @param {any} stream */
async function collect(stream) {
  const { length } = await stream.opened()
  const known = Buffer.allocUnsafeSlow(length ?? 0)
  const more = []
  let at = 0
  for await (const { data } of stream) {
    const copied = data.copy(known, at)
    at += copied
    if (copied < data.length) more.push(data.subarray(copied))
  }
  return more.length ? Buffer.concat([known.subarray(0, at), ...more]) : known.subarray(0, at)
}

class CodeInterpreter extends calls.CodeInterpreterCalls {
  /** @param {string} code @param {any} [options] */
  async runCode(code, options) {
    const { context, onStdout, onStderr, onError, ...rest } = renamed(options, 'RunCodeOptions')
    const result = /** @type {any} */ ({ stdout: '', stderr: '' })
    const collected = (/** @type {string} */ channel, /** @type {any} */ tell) => (/** @type {string} */ output) => {
      result[channel] += output
      return tell?.({ output })
    }
    await this._target.interpreter.run(code, { contextId: idOf(context), ...rest })._each({
      stdout: collected('stdout', onStdout),
      stderr: collected('stderr', onStderr),
      structured(/** @type {string} */ text) {
        result.error = JSON.parse(text)
        return onError?.(result.error)
      },
    })
    return result
  }
}

class SnapshotService extends calls.SnapshotCalls {}

class VolumeService extends calls.VolumeCalls {
  /** @param {any} name @param {any} [create] whether to make it where there is none @param {any} [options] */
  async get(name, create, options) {
    const given = isPlain(create) ? create : options
    try {
      return await this._target.call('volume.get', { idOrName: idOf(name) }, given)
    } catch (error) {
      if (create !== true || !(error instanceof DaytonaNotFoundError)) throw error
      // One that is not ready yet cannot be mounted.
      await this.create(name, given)
      return this.wait(name, given)
    }
  }
}

module.exports = {
  ...{ Process, PtyHandle, Git, FileSystem, CodeInterpreter, SnapshotService, VolumeService },
}

'use strict'
// What calls act on: a client or a sandbox, and the areas of their operations.

const library = require('./library')
const json = require('./json')
const pump = require('./pump')
const { Stream } = require('./stream')
const { idOf, merge, positional, toBytes } = require('./arguments')

/** The operations of one area, on a client or a sandbox. Areas in it are each made by their first use. */
class Area {
  #target
  /** @type {Record<string, any>} */ #areas = {}

  /** @param {any} [target] itself unless given */
  constructor(target) {
    this.#target = target ?? this
  }

  get _target() {
    return this.#target
  }

  get _areas() {
    return this.#areas
  }
}

class Target extends Area {
  /** @param {any} client @param {string} what */
  constructor(client, what) {
    super()
    hide(this, { _client: client ?? this, _what: what })
  }

  /**
   * Any operation by its name, as `daytona.call('region.list')`; what the methods are made of.
   * @param {string} operation @param {object} [params] @param {any} [options] @param {any} [body]
   */
  async call(operation, params = {}, options, body) {
    return this._call(operation, params, options, ...(body === undefined ? [] : [body]))
  }

  /** Any stream by its name. @param {string} operation @param {object} [params] @param {any} [options] */
  openStream(operation, params = {}, options) {
    return this._stream(operation, params, options)
  }

  /** @param {string} operation @param {object} params @param {any} [options] @param {any[]} body @returns {Promise<any>} */
  _call(operation, params, options, ...body) {
    try {
      const bytes = body.length ? toBytes(body[0]) : null
      return pump.submit(this, operation, merge(params, options, this, operation), options, bytes)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @param {string} operation @param {object} params @param {any} [options] */
  _stream(operation, params, options) {
    return new Stream(this, operation, params, options)
  }

  /** A call whose answer is the sandbox itself. @param {string} operation @param {object} params @param {any} [options] */
  async _refresh(operation, params, options) {
    this._update(await this._call(operation, params, options))
  }

  /** @param {any} _info */
  _update(_info) {}

  /** @param {number} handle @param {any} info */
  _sandbox(handle, info) {
    const { Sandbox } = require('./sandbox')
    return new Sandbox(/** @type {any} */ (this)._client, handle, info)
  }
}

/** Closes the handles of clients that nobody has any more. */
const forgotten = new FinalizationRegistry((/** @type {number} */ handle) => pump.closeClient(handle))

/** A target that is opened by itself: a client of Daytona, or of the echo target. */
class Root extends Target {
  /** @param {'clientOpen' | 'echoOpen'} how @param {object} [config] */
  constructor(how, config) {
    super(undefined, 'client')
    pump.check(library[how](config ? json.stringify(config) : null, pump.number, pump.pointer))
    hide(this, { _handle: pump.stored(), _streams: new Set() })
    const { _handle } = /** @type {any} */ (this)
    pump.opened(_handle)
    forgotten.register(this, _handle, this)
  }

  /** Ends what runs, waits for it, and closes. */
  async close() {
    const client = /** @type {any} */ (this)
    if (!client._handle) return
    const streams = [...client._streams].map((stream) => stream._settled())
    const calls = pump.settled(client)
    pump.closeClient(client._handle)
    client._handle = 0
    forgotten.unregister(client)
    await Promise.all([calls, ...streams])
  }

  [Symbol.asyncDispose]() {
    return this.close()
  }
}

/**
 * A call with the official package's limit in seconds, whose build log goes to a function if there is one.
 * @param {Target} on @param {string} operation @param {object} params @param {any} options @param {any} onLog
 */
async function build(on, operation, params, { timeout, ...options }, onLog) {
  if (timeout !== undefined) options.timeoutMs = Math.ceil(timeout * 1000)
  if (!onLog) return on._call(operation, params, options)
  const stream = on._stream(operation, params, options)
  for await (const text of stream.text()) onLog(text.trimEnd())
  return stream.result()
}

/** Fields that nobody sees who prints the object. @param {object} object @param {Record<string, any>} fields */
function hide(object, fields) {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(object, name, { value, writable: true })
}

module.exports = { Target, Root, Area, build, positional, idOf, hide }

'use strict'
// What calls act on: a client or a sandbox, and the areas of their operations.

const library = require('./library')
const json = require('./json')
const pump = require('./pump')
const { Stream } = require('./stream')
const { isPlain, renamed, secretList } = require('./arguments')

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
  /** @param {any} [client] itself unless given */
  constructor(client) {
    super()
    hide(this, { _client: client ?? this })
  }

  /**
   * Any operation by its name, as `daytona.call('region.list')`; what the methods are made of.
   * @param {string} operation @param {object} [params] @param {any} [options] @param {any} [body] @returns {Promise<any>}
   */
  call(operation, params = {}, options, body) {
    return pump.submit(this, operation, params, options, body)
  }

  /** Any stream by its name. @param {string} operation @param {object} [params] @param {any} [options] */
  openStream(operation, params = {}, options) {
    return new Stream(this, operation, params, options)
  }

  /** A call whose answer is the sandbox itself. @param {string} operation @param {object} params @param {any} [options] */
  async _refresh(operation, params, options) {
    this._target._update(await this.call(operation, params, options))
  }

  /**
   * The output so far; with functions all of it, live. @param {string} logs @param {string} follow @param {object} params
   * @param {any[]} more the two functions, and options
   */
  async _logs(logs, follow, params, [stdout, stderr, options]) {
    if (!stdout && !stderr) return this.call(logs, params, options)
    await this.openStream(follow, params, options)._each({ stdout, stderr })
  }

  /**
   * A call with the official package's parameters and limit in seconds, whose build log goes to a function if there is one.
   * @param {string} operation @param {string} type @param {any} params @param {any} options @param {string} log
   */
  async _build(operation, type, params, options, log) {
    const { timeout, [log]: onLog, ...rest } = renamed(options)
    const all = renamed(params, type)
    if (isPlain(all.secrets)) all.secrets = secretList(all.secrets)
    if (timeout !== undefined) rest.timeoutMs = Math.ceil(timeout * 1000)
    if (!onLog) return this.call(operation, all, rest)
    return this.openStream(operation, all, rest)._each({
      stdout: (/** @type {string} */ text) => onLog(text.trimEnd()),
    })
  }

  /** @param {number} handle @param {any} info */
  _sandbox(handle, info) {
    const { Sandbox } = require('./sandbox')
    return new Sandbox(/** @type {any} */ (this)._client, handle, info)
  }
}

/** A target that is opened by itself: a client of Daytona, or of the echo target. */
class Root extends Target {
  /** @param {'clientOpen' | 'echoOpen'} how @param {object} [config] */
  constructor(how, config) {
    super()
    pump.check(library[how](config ? json.stringify(config) : null, pump.number, pump.pointer))
    hide(this, { _handle: pump.stored(), _streams: new Set() })
    const { _handle } = this._target
    pump.opened(_handle)
    pump.forgotten.register(this, _handle, this)
  }

  /** Ends what runs, waits for it, and closes. */
  async close() {
    const client = this._target
    if (!client._handle) return
    const streams = [...client._streams].map((stream) => stream._settled())
    const calls = pump.settled(client)
    pump.forgotten.unregister(client)
    pump.closeHandle(client._handle)
    client._handle = 0
    await Promise.all([calls, ...streams])
  }

  [Symbol.asyncDispose]() {
    return this.close()
  }
}

/** Fields that nobody sees who prints the object. @param {object} object @param {Record<string, any>} fields */
function hide(object, fields) {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(object, name, { value, writable: true })
}

module.exports = { Target, Root, Area, hide }

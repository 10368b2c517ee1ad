'use strict'
// A sandbox: what the server said of it last, and everything that can be done in it.

const { hide } = require('./target')
const pump = require('./pump')
const { metricsByTime } = require('./answers')
const { SandboxCalls, LspServer } = require('./generated/calls')

class Sandbox extends SandboxCalls {
  /** @param {any} client @param {number} handle 0: it gets one when it is used @param {any} info */
  constructor(client, handle, info) {
    super(client)
    hide(this, { _own: handle, _info: null })
    if (handle) pump.forgotten.register(this, handle, this)
    this._update(info)
  }

  /** The handle. One of a list is made by the first use: no request. */
  get _handle() {
    if (!this._own && this._own !== null) {
      const client = /** @type {any} */ (this)._client
      if (!client._handle) return 0
      pump.immediate(client._handle, 'sandbox.attach', { sandbox: this._info })
      this._own = pump.stored()
      pump.forgotten.register(this, this._own, this)
    }
    return this._own ?? 0
  }

  /** Takes over what the server said. A field that has the name of a method is in `toJSON()` alone. @param {any} info */
  _update(info) {
    if (!info) return
    // A field that the server says no more, as the reason of an error, is gone.
    const all = this._info ? { ...this._info, ...info } : info
    this._info = info
    for (const name of Object.keys(all)) {
      if (!(name in SandboxCalls.prototype) && name[0] !== '_')
        /** @type {any} */ (this)[name] = info[name] ?? undefined
    }
  }

  /** What the server said of the sandbox last, as it came. */
  toJSON() {
    return this._info
  }

  /** Releases the handle; nothing happens to the sandbox. Calls afterwards fail with DaytonaClosedError. */
  close() {
    if (this._own) pump.closeHandle(this._own)
    pump.forgotten.unregister(this)
    this._own = null
  }

  async [Symbol.asyncDispose]() {
    this.close()
  }

  /** @param {string} languageId @param {string} pathToProject */
  async createLspServer(languageId, pathToProject) {
    return new LspServer(this, languageId, pathToProject)
  }

  /** @param {Record<string, string>} labels @param {any} [options] */
  async setLabels(labels, options) {
    const set = await super.setLabels(labels, options)
    this._update({ ...this._info, labels: set })
    return set
  }

  /** @param {Date} [start] @param {Date} [end] @param {any} [options] */
  async getMetrics(start, end, options) {
    const from = start ?? this._info.createdAt
    const answer = await this.call('sandbox.metrics_history', { from, to: end ?? new Date() }, options)
    return metricsByTime(answer.series)
  }
}

module.exports = { Sandbox }

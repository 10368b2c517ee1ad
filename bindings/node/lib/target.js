'use strict'
// What calls act on: a client or a sandbox, and the areas of their operations.

const library = require('./library')
const pump = require('./pump')
const { Stream } = require('./stream')
const { idOf, merge, positional, toBytes } = require('./arguments')

class Target {
  /** @param {any} client @param {string} what */
  constructor(client, what) {
    hide(this, { _client: client ?? this, _what: what, _areas: {} })
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

  /** @param {string} name @param {any} Class */
  _area(name, Class) {
    const areas = /** @type {any} */ (this)._areas
    return (areas[name] ??= new Class(this))
  }

  /** @param {number} handle @param {any} info */
  _sandbox(handle, info) {
    const { Sandbox } = require('./sandbox')
    return new Sandbox(/** @type {any} */ (this)._client, handle, info)
  }
}

/** The operations of one area, on a client or a sandbox. */
class Area {
  /** @param {any} target */
  constructor(target) {
    hide(this, { _target: target })
  }

  /** @param {string} operation @param {object} params @param {any} [options] @param {any[]} body @returns {Promise<any>} */
  _call(operation, params, options, ...body) {
    return /** @type {any} */ (this)._target._call(operation, params, options, ...body)
  }

  /** @param {string} operation @param {object} params @param {any} [options] */
  _stream(operation, params, options) {
    return /** @type {any} */ (this)._target._stream(operation, params, options)
  }
}

/** Fields that nobody sees who prints the object. @param {object} object @param {Record<string, any>} fields */
function hide(object, fields) {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(object, name, { value, writable: true })
}

/** Opens a client. @param {'clientOpen' | 'echoOpen'} how @param {string | null} config */
function open(how, config) {
  pump.check(library[how](config, pump.number, pump.pointer))
  const handle = pump.stored()
  pump.opened(handle)
  return handle
}

module.exports = { Target, Area, positional, idOf, hide, open }

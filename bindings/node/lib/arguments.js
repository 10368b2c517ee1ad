'use strict'
// Arguments as methods take them, made into what an operation takes.

const { failure } = require('./errors')
const { bounded, names: official } = require('./generated/tables')

/** @param {string | ArrayBuffer | ArrayBufferView} data @returns {Uint8Array} */
function toBytes(data) {
  if (typeof data === 'string') return Buffer.from(data)
  if (data instanceof Uint8Array) return data
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw invalid(`Bytes are a string, a Uint8Array or an ArrayBuffer, not ${data === null ? 'null' : typeof data}.`)
}

/** @param {string} message */
const invalid = (message) => failure('INVALID_ARGUMENT', message)

/** @param {any} value */
const isPlain = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/**
 * The arguments of a call: those that are required, and the options that are not this side's.
 * @param {object} params @param {any} options @param {any} target @param {string} operation
 */
function merge(params, options, target, operation) {
  const limit = bounded.has(operation) ? target._client._requestTimeoutMs : undefined
  if (options === undefined || options === null) return limit === undefined ? params : { timeoutMs: limit, ...params }
  if (!isPlain(options)) throw invalid(`The options of ${operation} are an object, not ${typeof options}.`)
  const { signal, onProgress, ...rest } = options
  if (signal !== undefined && signal !== null && typeof signal.addEventListener !== 'function') {
    throw invalid(`The option signal of ${operation} is an AbortSignal.`)
  }
  rest.timeoutMs ??= limit
  return Object.assign(rest, params)
}

/**
 * Options from positional arguments, or from an object in their place. `*TYPE` is an object of options, `@` seconds with
 * their default, `%name` an option that is an object itself.
 * @param {string[]} names @param {any[]} values
 */
function positional(names, values) {
  /** @type {any} */
  const options = {}
  for (let index = 0; index <= names.length; index++) {
    const name = names[index] ?? ''
    const value = values[index]
    if (isPlain(value) && name[0] !== '%') {
      Object.assign(options, name[0] === '*' ? renamed(value, name.slice(1)) : value)
    } else if (name[0] === '@') {
      const seconds = value ?? (name.length > 1 ? Number(name.slice(1)) : undefined)
      if (seconds !== undefined && options.timeoutMs === undefined) options.timeoutMs = Math.ceil(seconds * 1000)
    } else if (value !== undefined && value !== null) {
      if (name === '' || name[0] === '*') throw invalid(`Options are an object, not ${typeof value}.`)
      options[name.replace('%', '')] = value
    }
  }
  return options
}

/**
 * Parameters or options of a type of the official package, by the library's names; what is undefined is left out.
 * @param {any} object @param {string} [type]
 */
function renamed(object, type = '') {
  if (object !== undefined && object !== null && !isPlain(object)) {
    throw invalid(`Parameters and options are objects, not ${Array.isArray(object) ? 'an array' : typeof object}.`)
  }
  const result = /** @type {any} */ ({})
  for (const [name, value] of Object.entries(object ?? {})) {
    if (value !== undefined) result[official[type]?.[name] ?? name] = value
  }
  return result
}

/** @param {Record<string, string> | any[]} secrets */
const secretList = (secrets) =>
  Array.isArray(secrets) ? secrets : Object.entries(secrets).map(([name, secret]) => ({ [name]: secret }))

/** The id of an object that has one, or the id itself. @param {any} value */
const idOf = (value) => (isPlain(value) ? value.id : value)

module.exports = { invalid, merge, positional, renamed, secretList, idOf, isPlain, toBytes }

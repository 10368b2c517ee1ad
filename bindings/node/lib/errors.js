'use strict'
// Errors: one root class, the catalogue's tree of classes below it, and how an error JSON becomes one of them.

const { statuses } = require('./generated/tables')

/** Headers of an answer, with the names in lower case. `get` takes a name in any case. */
class Headers {
  /** @param {Record<string, string>} headers */
  constructor(headers) {
    for (const [name, value] of Object.entries(headers)) {
      Object.defineProperty(this, name.toLowerCase(), { value, enumerable: true, configurable: true })
    }
  }

  /** @param {string} name @returns {string | undefined} */
  get(name) {
    return /** @type {any} */ (this)[String(name).toLowerCase()]
  }
}

class DaytonaError extends Error {
  /**
   * @param {string} message @param {number} [statusCode] @param {any} [headers] @param {string} [code]
   * @param {string} [source] @param {{ cause?: unknown }} [options]
   */
  constructor(message, statusCode, headers, code, source, options) {
    super(message, options)
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true, writable: true })
    // What is not known is not shown where an error is printed.
    if (statusCode !== undefined) this.statusCode = statusCode
    if (code !== undefined) this.code = code
    if (source !== undefined) this.source = source
    if (headers !== undefined) this.headers = headers
  }

  get errorCode() {
    return this.code
  }
}

/** The library cannot be loaded: it is not there, or too old or too new. */
class DaytonaLibraryError extends DaytonaError {}

/**
 * The error of a failed call.
 * @param {any} json the error JSON @param {unknown} [cause] why the caller cancelled it
 */
function fromJson(json, cause) {
  const { classOf } = require('./generated/classes')
  const { status, name, message, code, source, httpStatus, headers, ...rest } = json
  const Class = classOf(status, code)
  const options = cause === undefined ? undefined : { cause }
  const of = (/** @type {any} */ value) => value ?? undefined
  const error = /** @type {any} */ (
    new Class(message, of(httpStatus), headers ? new Headers(headers) : undefined, of(code), of(source), options)
  )
  error.status = status
  error.statusName = name
  for (const [key, value] of Object.entries(rest)) if (value !== null) error[key] = value
  return error
}

/**
 * An error of this side, as the library's own are.
 * @param {string} name @param {string} message @param {string} [operation] @param {unknown} [cause]
 */
const failure = (name, message, operation, cause) =>
  fromJson({ status: statuses[name], name, message, operation, retryable: false, attempts: 0 }, cause)

module.exports = { DaytonaError, DaytonaLibraryError, fromJson, failure }

'use strict'
// Errors: one root class, the catalogue's tree of classes below it, and how an error JSON becomes one of them.

const { statuses } = require('./generated/tables')

/** Headers of an answer, with the names in lower case. `get` takes a name in any case. @param {Record<string, string>} given */
function headersOf(given) {
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  return Object.defineProperty(headers, 'get', {
    value: (/** @type {any} */ name) => headers[String(name).toLowerCase()],
  })
}

class DaytonaError extends Error {
  /**
   * @param {string} message @param {number} [statusCode] @param {any} [headers] @param {string} [code]
   * @param {string} [source] @param {{ cause?: unknown }} [options]
   */
  constructor(message, statusCode, headers, code, source, options) {
    super(message, options)
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true, writable: true })
    known(this, { statusCode, code, source, headers })
  }

  get errorCode() {
    return /** @type {any} */ (this).code
  }
}

/** What is not known is not shown where an error is printed. @param {any} error @param {Record<string, any>} fields */
function known(error, fields) {
  for (const [name, value] of Object.entries(fields)) if ((value ?? undefined) !== undefined) error[name] = value
  return error
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
  const error = new Class(message, httpStatus, headers && headersOf(headers), code, source, options)
  return known(error, { status, statusName: name, ...rest })
}

/**
 * An error of this side, as the library's own are.
 * @param {string} name @param {string} message @param {string} [operation] @param {unknown} [cause]
 */
const failure = (name, message, operation, cause) =>
  fromJson({ status: statuses[name], name, message, operation, retryable: false, attempts: 0 }, cause)

module.exports = { DaytonaError, DaytonaLibraryError, fromJson, failure }

'use strict'
// JSON with the integers of 64 bits that a double cannot hold: they are BigInt in JavaScript, and digits in the text.

const { failure } = require('./errors')

/** A number of this many digits may lie beyond 2^53. A text without one needs no second look. */
const LONG = /\d{16}/
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** Marks a text that stands for an integer. JSON.stringify writes a lone surrogate as an escape, so none is taken for it. */
const MARK = '\ud800int:'
const WRITTEN = /"\\ud800int:(-?\d+)"/g

/** @param {string} text @returns {any} */
function parse(text) {
  return LONG.test(text) ? parseLong(text) : JSON.parse(text)
}

/** @param {string} text */
function parseLong(text) {
  const marked = text.replace(TOKEN, (token) => {
    if (token[0] === '"' || token.length < 16 || /[.eE]/.test(token)) return token
    const number = Number(token)
    if (Number.isSafeInteger(number) || Math.abs(number) > 2 ** 64) return token
    return `"\\ud800int:${token}"`
  })
  if (marked === text) return JSON.parse(text)
  return JSON.parse(marked, (_, value) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  )
}

/** An escape; of a surrogate that has lost its other half where the group is there. */
const ESCAPE = /\\(?:u(d[89a-f][0-9a-f]{2})|[^])/g

/** The text of a value. UTF-8 has no lone surrogates: U+FFFD stands for one. @param {object} value @returns {string} */
function stringify(value) {
  const text = written(value)
  return text.includes('\\ud') ? text.replace(ESCAPE, (all, lone) => (lone ? '\ufffd' : all)) : text
}

/** @param {object} value @returns {string} */
function written(value) {
  try {
    const text = JSON.stringify(value)
    // JSON.stringify writes NaN and Infinity as null, which would be an option that is not given.
    return text.includes('null') ? JSON.stringify(value, finite) : text
  } catch (error) {
    // A BigInt is what JSON.stringify refuses; a value that contains itself is refused again.
    if (!(error instanceof TypeError)) throw error
    const text = JSON.stringify(value, (name, item) => (typeof item === 'bigint' ? MARK + item : finite(name, item)))
    return text.replace(WRITTEN, '$1')
  }
}

/** @param {string} name @param {any} item */
function finite(name, item) {
  if (typeof item !== 'number' || Number.isFinite(item)) return item
  throw failure('INVALID_ARGUMENT', `\`${name}\` has to be a number that JSON can hold, and is ${item}`)
}

module.exports = { parse, stringify }

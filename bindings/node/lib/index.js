'use strict'
// The package as it is required; `import` takes the same objects through index.mjs.

const { DaytonaError, DaytonaLibraryError } = require('./errors')
const library = require('./library')
const { log } = require('./pump')
const { levels } = require('./generated/tables')
const errors = require('./generated/errors')
const choices = require('./generated/choices')
const calls = require('./generated/calls')
const compatible = require('./compatible')
const { Daytona, Echo } = require('./daytona')
const { Sandbox } = require('./sandbox')
const { Image } = require('./image')
const { Stream, Chunk } = require('./stream')

/** Parameters of `process.codeRun`, as the official package has them. */
class CodeRunParams {}

// `...require()` below would make Node read the text of those files when this one is imported: longer than to run them.
module.exports = {
  ...errors,
  ...choices,
  ...calls,
  ...compatible,
  ...{ Daytona, Echo, Sandbox, Image, Stream, Chunk, DaytonaError, DaytonaLibraryError, CodeRunParams },
  SOURCE_API: 'DAYTONA_API',
  SOURCE_DAEMON: 'DAYTONA_DAEMON',
  SOURCE_PROXY: 'DAYTONA_PROXY',
  STDOUT_PREFIX_BYTES: new Uint8Array([1, 1, 1]),
  STDERR_PREFIX_BYTES: new Uint8Array([2, 2, 2]),
  MAX_PREFIX_LEN: 3,
  /** The version of the library that was loaded. */
  version: library.version(),
  /** Sends the library's log lines to a function, of this level and those above it. */
  onLog: (/** @type {keyof typeof levels} */ level, /** @type {any} */ listener) => log(levels[level], listener),
}

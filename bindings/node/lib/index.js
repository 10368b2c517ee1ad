'use strict'
// The package as it is required; `import` takes the same objects through index.mjs.

const { DaytonaError, DaytonaLibraryError } = require('./errors')
const library = require('./library')
const { log } = require('./pump')
const { levels } = require('./generated/tables')
const { Daytona, Echo } = require('./daytona')
const { Sandbox } = require('./sandbox')
const { Image } = require('./image')
const { Stream, Chunk } = require('./stream')
const compatible = require('./compatible')

/** Parameters of `process.codeRun`, as the official package has them. */
class CodeRunParams {}

module.exports = {
  ...require('./generated/errors'),
  ...require('./generated/choices'),
  ...require('./generated/calls'),
  ...{ Daytona, Echo, Sandbox, Image, Stream, Chunk, DaytonaError, DaytonaLibraryError, CodeRunParams },
  Process: compatible.Process,
  PtyHandle: compatible.PtyHandle,
  Git: compatible.Git,
  FileSystem: compatible.FileSystem,
  CodeInterpreter: compatible.CodeInterpreter,
  ComputerUse: compatible.ComputerUse,
  LspServer: compatible.LspServer,
  SnapshotService: compatible.SnapshotService,
  VolumeService: compatible.VolumeService,
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

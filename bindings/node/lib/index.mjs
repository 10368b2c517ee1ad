// The package as it is imported: the same objects as those that `require` gives.

import libdaytona from './index.js'

export * from './generated/calls.js'
export * from './generated/choices.js'
export * from './generated/errors.js'
export const { Daytona, Echo, Sandbox, Image, Stream, Chunk, DaytonaError, DaytonaLibraryError, version } = libdaytona
export const { Process, PtyHandle, Git, FileSystem, CodeInterpreter, ComputerUse, LspServer, CodeRunParams } =
  libdaytona
export const { SnapshotService, VolumeService, SOURCE_API, SOURCE_DAEMON, SOURCE_PROXY, onLog } = libdaytona
export const { STDOUT_PREFIX_BYTES, STDERR_PREFIX_BYTES, MAX_PREFIX_LEN } = libdaytona

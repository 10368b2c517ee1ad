'use strict'
// Finds libdaytona, checks that it is of a version that this package can use, and declares its functions.

const fs = require('node:fs')
const path = require('node:path')
const koffi = require('koffi')
const { DaytonaLibraryError } = require('./errors')
const { ABI, functions } = require('./generated/tables')

const FILE = { darwin: 'libdaytona.dylib', win32: 'daytona.dll' }[process.platform] ?? 'libdaytona.so'
const SONAME = process.platform === 'linux' ? `${FILE}.${ABI >>> 16}` : FILE

/** The places where the library may be, in order; the last is the system's own search. */
function candidates() {
  const given = process.env.LIBDAYTONA_PATH
  if (given) {
    const isDirectory = fs.statSync(given, { throwIfNoEntry: false })?.isDirectory()
    return isDirectory ? [path.join(given, FILE), path.join(given, SONAME)] : [given]
  }
  return [path.join(__dirname, '..', 'native', `${process.platform}-${process.arch}`, FILE), SONAME]
}

/** The number as people write it: `major << 16 | minor` is "major.minor". */
const dotted = (/** @type {number} */ version) => `${version >>> 16}.${version & 0xffff}`

function load() {
  const tried = []
  for (const file of candidates()) {
    try {
      return { file, library: koffi.load(file) }
    } catch (error) {
      const isThere = !path.isAbsolute(file) || fs.existsSync(file)
      tried.push(`${file} (${isThere ? /** @type {Error} */ (error).message : 'not there'})`)
    }
  }
  throw new DaytonaLibraryError(
    `libdaytona was not found. Looked at ${tried.join(', ')}. Set LIBDAYTONA_PATH to the library or its directory.`,
  )
}

/** @param {string} file @param {koffi.LibraryHandle} library */
function versionOf(file, library) {
  try {
    return library.func('daytona_abi_version', 'uint32_t', [])()
  } catch {
    throw new DaytonaLibraryError(`${file} is no libdaytona: it has no daytona_abi_version.`)
  }
}

const { file, library } = load()
const version = versionOf(file, library)
if (version >>> 16 !== ABI >>> 16 || version < ABI) {
  const wanted = `${dotted(ABI)} or a later ${ABI >>> 16}.x`
  const message = `is too ${version < ABI ? 'old' : 'new'}: it has the interface ${dotted(version)}, not ${wanted}.`
  throw new DaytonaLibraryError(`${file} ${message}`)
}

/** The functions, and the address of `daytona_close`, which a thread's end calls. @type {any} */
const declared = { closeAddress: library.symbol('daytona_close') }
for (const [name, prototype] of Object.entries(functions)) declared[name] = library.func(prototype)

module.exports = declared

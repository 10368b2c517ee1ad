'use strict'
// Processes and threads: what keeps them alive, how they end, and which library they load.

const test = require('node:test')
const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { execFile, execFileSync } = require('node:child_process')
const { Worker } = require('node:worker_threads')
const { Echo, ...daytona } = require('..')

const PACKAGE = JSON.stringify(path.join(__dirname, '..'))

/** Runs a script; its exit code and what it printed. A script that does not end by itself fails the test. */
function run(script, env = {}, shell = 'true') {
  const whole = `const { Echo, Daytona } = require(${PACKAGE})\nconst echo = new Echo()\n${script}`
  const options = { env: { ...process.env, ...env }, timeout: 60_000 }
  return new Promise((resolve) => {
    execFile('sh', ['-c', `${shell}; exec "$0" -e "$1"`, process.execPath, whole], options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr })
    })
  })
}

/** Runs a script in a thread that has `echo` and `parentPort`. */
const thread = (script) =>
  new Worker(
    `const { parentPort } = require('node:worker_threads')
     const { Echo } = require(${PACKAGE})
     const echo = new Echo()
     ${script}`,
    { eval: true },
  )

test('an idle client does not keep the process alive', async () => {
  assert.deepEqual(await run(`echo.value({ a: 1 }).then((it) => console.log(it.a))`), {
    code: 0,
    stdout: '1\n',
    stderr: '',
  })
  assert.equal((await run(`echo.stream({ echo: true }).opened().then(() => console.log('open'))`)).stdout, 'open\n')
})

test('a call under way keeps the process alive', async () => {
  assert.equal((await run(`echo.delay(200).then(() => console.log('answered'))`)).stdout, 'answered\n')
  assert.equal(
    (await run(`echo.stream({ chunks: 3, delayMs: 50 }).result().then((it) => console.log(it.chunks))`)).stdout,
    '3\n',
  )
})

test('a process exits with calls and streams under way', async () => {
  const script = `
    for (let index = 0; index < 100; index++) echo.delay(600000).catch(() => {})
    for (let index = 0; index < 10; index++) echo.stream({ chunks: 1000000, size: 1000 }).read().catch(() => {})
    setImmediate(() => process.exit(7))`
  assert.deepEqual(await run(script), { code: 7, stdout: '', stderr: '' })
})

test('an error that nobody catches ends the process', async () => {
  const { code, stderr } = await run(`echo.error(404, { message: 'nobody looks' })`)
  assert.equal(code, 1)
  assert.match(stderr, /DaytonaNotFoundError: nobody looks/)
})

test('an error of a handler of the user does not stop the others', async () => {
  const script = `
    process.on('uncaughtException', (error) => console.log(error.message))
    echo.delay(1).then(() => process.nextTick(() => { throw new Error('mine') }))
    Promise.all(Array.from({ length: 100 }, () => echo.delay(2))).then(() => console.log('answered'))`
  assert.equal((await run(script)).stdout, 'mine\nanswered\n')
})

test('a want of descriptors is an error with its class, and is over with the streams', async () => {
  const script = `
    const open = async (streams) => {
      for (;;) await streams[streams.push(echo.stream({ echo: true })) - 1].opened()
    }
    const streams = []
    open(streams).catch(async (error) => {
      console.log(error.name, error.statusName)
      for (const stream of streams) stream.close()
      await new Promise(setImmediate)
      console.log((await echo.stream({ chunks: 1 }).result()).chunks)
    })`
  const { stdout, stderr } = await run(script, {}, 'ulimit -n 60')
  assert.equal(stdout, 'DaytonaIoError IO\n1\n', stderr)
})

test('threads have clients of their own', async () => {
  const answers = await Promise.all(
    Array.from({ length: 4 }, async (_, index) => {
      const worker = thread(`
        Promise.all(Array.from({ length: 1000 }, (_, number) => echo.value({ number: ${index} * 1000 + number })))
          .then((answers) => parentPort.postMessage(answers.map((it) => it.number)))`)
      const exit = new Promise((resolve) => worker.once('exit', resolve))
      const numbers = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      assert.equal(await exit, 0)
      return numbers
    }),
  )
  assert.deepEqual(
    answers.flat(),
    Array.from({ length: 4000 }, (_, number) => number),
  )
})

test('a thread that is terminated ends its calls and streams', async () => {
  const library = require('../lib/library')
  const { number } = require('../lib/pump')
  const call = (handle) => library.call(handle, 'echo.value', '{}', null, 0, number, null, null)
  for (let index = 0; index < 10; index++) {
    const worker = thread(`
      echo.delay(600000).catch(() => {})
      const streams = [1, 2, 3].map(() => echo.stream({ chunks: 1000000, size: 1000 }))
      setInterval(() => {}, 1000)
      Promise.all(streams.map((stream) => stream.read())).then(() => parentPort.postMessage(echo._handle))`)
    const handle = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    assert.equal(library.statusName(call(handle)), 'OK')
    await worker.terminate()
    assert.equal(library.statusName(call(handle)), 'INVALID_HANDLE')
  }
})

test('a thread that ends leaves no key of thread-specific values behind', async () => {
  const { load } = require('koffi')
  const create = load(null).func('int pthread_key_create(void *, void *)')
  const free = load(null).func('int pthread_key_delete(uint32_t)')
  const key = new Uint32Array(1)
  // The lowest numbers that are free.
  const next = () => {
    const keys = Array.from({ length: 8 }, () => (create(key, null), key[0]))
    keys.forEach((number) => free(number))
    return keys
  }
  const ended = async () => {
    const worker = thread('echo.value({})')
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  }
  await ended()
  const before = next()
  for (let index = 0; index < 3; index++) await ended()
  assert.deepEqual(next(), before)
})

test('a library that is not there is an error that says where it was looked for', async () => {
  const { stderr } = await run('', { LIBDAYTONA_PATH: '/no/such/place' })
  assert.match(stderr, /DaytonaLibraryError: libdaytona was not found\. Looked at \/no\/such\/place/)
  const { stderr: other } = await run('', { LIBDAYTONA_PATH: '', LD_LIBRARY_PATH: '' })
  assert.match(other, /native[/\\]\w+-\w+[/\\]libdaytona|^$/)
})

test('a library that is too old or too new is refused by name and number', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'daytona-'))
  t.after(() => fs.rmSync(directory, { recursive: true }))
  const build = (name, body) => {
    const file = path.join(directory, `${name}.so`)
    fs.writeFileSync(`${file}.c`, body)
    execFileSync('cc', ['-shared', '-fPIC', '-o', file, `${file}.c`])
    return file
  }
  const old = build('old', 'unsigned daytona_abi_version(void) { return 0; }')
  const { stderr } = await run('', { LIBDAYTONA_PATH: old })
  assert.ok(
    stderr.includes(`DaytonaLibraryError: ${old} is too old: it has the interface 0.0, not 0.1 or a later 0.x.`),
    stderr,
  )
  const recent = build('new', 'unsigned daytona_abi_version(void) { return 7u << 16 | 2; }')
  assert.match(
    (await run('', { LIBDAYTONA_PATH: recent })).stderr,
    /new\.so is too new: it has the interface 7\.2, not 0\.1/,
  )
  const other = build('other', 'int nothing;')
  assert.match((await run('', { LIBDAYTONA_PATH: other })).stderr, /other\.so is no libdaytona/)
})

test('the library is found in a directory', async () => {
  const file = process.env.LIBDAYTONA_PATH
  const directory = fs.statSync(file).isDirectory() ? file : path.dirname(file)
  assert.equal((await run(`console.log('found')`, { LIBDAYTONA_PATH: directory })).stdout, 'found\n')
})

test('log lines come to a function', async () => {
  const lines = []
  daytona.onLog('debug', (line) => lines.push(line))
  const echo = new Echo()
  await echo.value({})
  daytona.onLog('off')
  for (const line of lines) assert.equal(typeof line.message, 'string')
  await echo.close()
})

test('import and require give the same objects', async () => {
  const imported = await import('../lib/index.mjs')
  const { default: _, ...names } = imported
  assert.deepEqual(Object.keys(names).sort(), Object.keys(require('..')).sort())
  for (const [name, value] of Object.entries(names)) assert.equal(value, require('..')[name])
})

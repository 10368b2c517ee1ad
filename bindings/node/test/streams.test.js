'use strict'
// Streams through the echo target: no server.

const test = require('node:test')
const assert = require('node:assert/strict')
const { Writable } = require('node:stream')
const { pipeline } = require('node:stream/promises')
const { Echo, ...daytona } = require('..')

const echo = new Echo()
test.after(() => echo.close())

test('chunks come in order, then the end', async () => {
  const stream = echo.stream({ chunks: 1000, size: 100 })
  assert.equal(await stream.opened(), null)
  let bytes = 0
  for await (const chunk of stream) {
    assert.ok(chunk instanceof daytona.Chunk)
    assert.equal(chunk.channel, 'stdout')
    bytes += chunk.data.length
    assert.equal(chunk.position, bytes)
  }
  assert.equal(bytes, 100_000)
  const { exitCode, chunks } = await stream.result()
  assert.deepEqual({ exitCode, chunks }, { exitCode: 0, chunks: 1000 })
})

test('a result without a reader drops the data', async () => {
  const stream = echo.stream({ chunks: 20_000, size: 1000 })
  assert.equal((await stream.result()).bytes, 20_000_000)
  assert.equal(await stream.read(), undefined)
})

test('a result beside a reader leaves it its data', async () => {
  const stream = echo.stream({ chunks: 5000, size: 1000 })
  let bytes = 0
  const reading = (async () => {
    for await (const { data } of stream) bytes += data.length
  })()
  const [ended] = await Promise.all([stream.result(), reading])
  assert.equal(ended.bytes, bytes)
})

test('what nobody reads stays in the library', async () => {
  const stream = echo.stream({ chunks: 1_000_000, size: 1000 })
  await stream.opened()
  const before = process.memoryUsage().rss
  await stream.read()
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(process.memoryUsage().rss - before < 64 << 20)
  stream.close()
})

test('leaving a loop closes the stream', async () => {
  const stream = echo.stream({ chunks: 1_000_000, size: 1000 })
  for await (const chunk of stream) if (chunk.position >= 10_000) break
  await assert.rejects(stream.result(), daytona.DaytonaClosedError)
})

test('closing wakes those that wait', async () => {
  const stream = echo.stream({ echo: true })
  await stream.opened()
  const waiting = [stream.read(), stream.result()].map((it) => assert.rejects(it, daytona.DaytonaClosedError))
  stream.close()
  await Promise.all(waiting)
  await assert.rejects(stream.write('more'), daytona.DaytonaClosedError)
  await assert.rejects(stream.finish(), daytona.DaytonaClosedError)
  stream.close()
  const ended = echo.stream({ chunks: 1 })
  await ended.result()
  await assert.rejects(ended.write('more'), { operation: 'echo.stream', message: 'echo.stream has ended.' })
})

test('what is written comes back, more than fits at once', async () => {
  const stream = echo.stream({ echo: true })
  const given = Buffer.alloc(8_000_000, 'every byte counts \0 ')
  const writing = (async () => {
    for (let at = 0; at < given.length; at += 300_000) await stream.write(given.subarray(at, at + 300_000))
    await stream.finish()
  })()
  const pieces = []
  for await (const { data } of stream) pieces.push(data)
  await writing
  assert.ok(Buffer.concat(pieces).equals(given))
})

test('writes without waiting keep their order', async () => {
  const stream = echo.stream({ echo: true })
  for (let line = 0; line < 2000; line++) void stream.write(`line ${line}\n`)
  void stream.finish()
  let text = ''
  for await (const piece of stream.text()) text += piece
  assert.equal(text, Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join(''))
})

test('characters that are cut between chunks are put together', async () => {
  const stream = echo.stream({ echo: true })
  const given = 'ü€😀'.repeat(100)
  const bytes = Buffer.from(given)
  void (async () => {
    for (const byte of bytes) await stream.write(Buffer.from([byte]))
    await stream.finish()
  })()
  let text = ''
  for await (const piece of stream.text('stdout')) text += piece
  assert.equal(text, given)
})

test('streams of Node read and write', async () => {
  const stream = echo.stream({ echo: true })
  const pieces = []
  const sink = new Writable({ write: (data, _, done) => (pieces.push(data), done()) })
  await Promise.all([
    pipeline([Buffer.alloc(1_000_000, 'a'), Buffer.from('end')], stream.writable()),
    pipeline(stream.readable(), sink),
  ])
  assert.ok(Buffer.concat(pieces).equals(Buffer.from('a'.repeat(1_000_000) + 'end')))
})

test('a stream of Node that is destroyed before it was read ends the remote side', async () => {
  const stream = echo.stream({ chunks: 1_000_000, size: 1000 })
  await stream.opened()
  stream.readable().destroy()
  await assert.rejects(stream.result(), daytona.DaytonaClosedError)
})

test('a second reader is refused, and takes nothing from the first', async () => {
  const stream = echo.stream({ chunks: 5000, size: 1000 })
  const readable = stream.readable('stdout')
  assert.throws(() => stream.readable('stderr'), daytona.DaytonaBusyError)
  assert.throws(() => stream[Symbol.asyncIterator](), daytona.DaytonaBusyError)
  let bytes = 0
  for await (const data of readable) bytes += data.length
  assert.equal(bytes, 5_000_000)
  for await (const _ of stream) assert.fail('everything is read')
})

test('a signal ends a stream', async () => {
  const controller = new AbortController()
  const stream = echo.stream({ chunks: 1_000_000, size: 1000, signal: controller.signal })
  await stream.read()
  controller.abort(new Error('enough'))
  await assert.rejects(stream.read(), (error) => {
    assert.ok(error instanceof daytona.DaytonaCancelledError)
    assert.equal(error.message, 'echo.stream was cancelled by its signal.')
    return error.cause.message === 'enough'
  })
  await assert.rejects(echo.stream({ signal: controller.signal }).opened(), daytona.DaytonaCancelledError)
})

test('a limit ends a stream', async () => {
  await assert.rejects(echo.stream({ echo: true, timeoutMs: 20 }).result(), daytona.DaytonaTimeoutError)
})

test('closing a client ends its streams', async () => {
  const other = new Echo()
  const stream = other.stream({ echo: true })
  await stream.opened()
  const ended = assert.rejects(stream.result(), daytona.DaytonaClosedError)
  await other.close()
  await ended
})

test('a stream that cannot be opened says so to each that asks', async () => {
  const stream = echo.stream({ chunks: 'many' })
  await assert.rejects(stream.opened(), daytona.DaytonaInvalidArgumentError)
  await assert.rejects(stream.result(), daytona.DaytonaInvalidArgumentError)
  await assert.rejects(async () => {
    for await (const _ of stream) assert.fail('there is no data')
  }, daytona.DaytonaInvalidArgumentError)
})

test('64 streams at once keep apart', async () => {
  const lengths = await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      let length = 0
      for await (const { data } of echo.stream({ chunks: index * 10, size: 1000 })) length += data.length
      return length
    }),
  )
  lengths.forEach((length, index) => assert.equal(length, index * 10_000))
})

const descriptors = () => require('node:fs').readdirSync('/proc/self/fd').length

test('descriptors are given back', async () => {
  await echo.stream({ chunks: 1 }).result()
  await new Promise(setImmediate)
  const before = descriptors()
  for (let index = 0; index < 100; index++) await echo.stream({ chunks: 1 }).result()
  await new Promise(setImmediate)
  assert.ok(descriptors() <= before + 2, `${descriptors()} descriptors after ${before}`)
})

test('a closed client gives back the descriptors of streams that nobody reads to the end', async () => {
  const other = new Echo()
  await other.stream({ chunks: 1 }).result()
  const before = descriptors()
  const streams = Array.from({ length: 20 }, () => other.stream({ chunks: 100_000, size: 1000 }))
  for (const stream of streams) assert.equal((await stream.read()).data.length, 1000)
  await other.close()
  await new Promise(setImmediate)
  assert.ok(descriptors() <= before + 2, `${descriptors()} descriptors after ${before}`)
  // What had come stays readable, before the failure.
  const [stream] = streams
  const rest = async () => {
    let bytes = 0
    for await (const { data } of stream) bytes += data.length
    return bytes
  }
  assert.equal((await stream.read()).position, 2000)
  await assert.rejects(rest, daytona.DaytonaClosedError)
})

test('a stream that ends gives its descriptors back though nobody asks it', async () => {
  const before = descriptors()
  const streams = Array.from({ length: 20 }, () => echo.stream({ chunks: 10, size: 1000 }))
  for (let turn = 0; turn < 6000 && descriptors() > before; turn++) await new Promise((done) => setTimeout(done, 10))
  assert.ok(descriptors() <= before, `${descriptors()} descriptors after ${before}`)
  for (const stream of streams) {
    let bytes = 0
    for await (const { data } of stream) bytes += data.length
    assert.equal(bytes, 10_000)
  }
})

test('a byte order mark is a character like others', async () => {
  const stream = echo.stream({ echo: true })
  await stream.write('\ufefftext')
  await stream.finish()
  let text = ''
  for await (const piece of stream.text()) text += piece
  assert.equal(text, '\ufefftext')
})

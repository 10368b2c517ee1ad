'use strict'
// The way to the library and back, through the echo target: no server.

const test = require('node:test')
const assert = require('node:assert/strict')
const { Echo, DaytonaError, ...daytona } = require('..')
const { soak } = require('./soak.js')

const echo = new Echo()
test.after(() => echo.close())

const round = (value) => echo.value({ value }).then((answer) => answer.value)

test('texts come back as they were', async () => {
  const texts = ['', 'plain', 'ü€😀', '\0', 'a\0b\0', '"\\\n\t\u2028', '\u{10ffff}', 'x'.repeat(3_000_000) + 'é']
  for (const text of texts) assert.equal(await round(text), text)
  assert.equal(await round('lone \ud800 surrogate \\ud800'), 'lone \ufffd surrogate \\ud800')
  for (const text of texts.slice(0, 6)) assert.deepEqual(await echo.value({ ['key' + text]: 1 }), { ['key' + text]: 1 })
})

test('numbers come back as they were, integers beyond 2^53 as BigInt', async () => {
  for (const number of [0, -1, 0.1, 1e300, -1e-300, 2 ** 53 - 1, -(2 ** 53 - 1)])
    assert.equal(await round(number), number)
  for (const number of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 63n)]) {
    assert.equal(await round(number), number)
  }
  assert.equal(await round(5n), 5)
  const mixed = {
    a: [1, 2n ** 60n, '1152921504606846976', 'say "1152921504606846976"'],
    b: { c: 2n ** 61n, d: 1.5e20 },
  }
  assert.deepEqual(await round(mixed), mixed)
})

test('bytes come back as they were', async () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  for (const bytes of [Buffer.alloc(0), Buffer.from('\0'), all, Buffer.alloc(5_000_000, all)]) {
    assert.ok(bytes.equals(await echo.bytes(bytes)))
  }
  assert.ok(all.equals(await echo.bytes(new Uint8Array(all).buffer)))
  assert.ok(all.equals(await echo.bytes(new DataView(new Uint8Array(all).buffer))))
  assert.ok(all.subarray(7, 9).equals(await echo.bytes(all.subarray(7, 9))))
  assert.equal((await echo.bytes('é')).toString(), 'é')
})

test('an error is of its class, with all that the error JSON has', async () => {
  const given = { message: 'gone', code: 'FILE_NOT_FOUND', source: 'DAYTONA_DAEMON', requestId: 'r1', attempts: 3 }
  const headers = { 'X-Request-Id': 'r1' }
  const error = await echo.error(404, { ...given, retryAfterMs: 250, sandboxId: 's1', headers }).catch((it) => it)
  assert.ok(error instanceof daytona.DaytonaFileNotFoundError)
  assert.ok(error instanceof daytona.DaytonaNotFoundError && error instanceof DaytonaError && error instanceof Error)
  assert.equal(error.name, 'DaytonaFileNotFoundError')
  const { message, statusCode, code, errorCode, source, status, statusName, operation, requestId, attempts } = error
  assert.deepEqual(
    { message, statusCode, code, errorCode, source, status, statusName, operation, requestId, attempts },
    { ...given, statusCode: 404, errorCode: given.code, status: 404, statusName: 'NOT_FOUND', operation: 'echo.error' },
  )
  assert.equal(error.retryAfterMs, 250)
  assert.equal(error.sandboxId, 's1')
  assert.equal(error.headers.get('X-REQUEST-ID'), 'r1')
})

test('each status and each code has its class', async () => {
  const catalogue = require('../../../src/catalogue/operations.json')
  const number = Object.fromEntries(catalogue.statuses.map((it) => [it.name, it.number]))
  const raised = async (status, code) => (await echo.error(status, { code }).catch((error) => error)).constructor
  for (const { name, statuses } of catalogue.classes) {
    for (const status of statuses) assert.equal(await raised(number[status]), daytona[`Daytona${name}Error`])
  }
  for (const { code, status, class: name } of catalogue.codes) {
    assert.equal(await raised(number[status], code), daytona[`Daytona${name}Error`])
  }
  assert.equal(await raised(418), DaytonaError)
  assert.equal(await raised(500, 'NO_CODE_OF_OURS'), daytona.DaytonaInternalServerError)
  const timeout = await echo.error(4, { code: 'CONNECT_TIMEOUT' }).catch((error) => error)
  assert.ok(timeout instanceof daytona.DaytonaTimeoutError && timeout instanceof daytona.DaytonaConnectionError)
})

test('bad input is refused before anything is sent', async () => {
  const refused = (call, Class, pattern) =>
    assert.rejects(call, (error) => error instanceof Class && pattern.test(error.message))
  const { DaytonaInvalidArgumentError: Invalid, DaytonaValidationError, DaytonaBadRequestError } = daytona
  await refused(echo.delay('soon'), Invalid, /ms/)
  await refused(echo.delay(), Invalid, /ms/)
  await refused(echo.delay(1, { colour: 'red' }), Invalid, /colour/)
  await refused(echo.delay(1, 'fast'), Invalid, /options/)
  await refused(echo.delay(1, { signal: 7 }), Invalid, /signal/)
  await refused(echo.bytes(17), Invalid, /Bytes/)
  await refused(echo.call('echo.nothing'), Invalid, /echo\.nothing/)
  await refused(echo.openStream('echo.value').result(), Invalid, /echo.value is a call/)
  await refused(echo.delay(), DaytonaValidationError, /./)
  await refused(echo.delay(), DaytonaBadRequestError, /./)
  await refused(echo.bytes(), Invalid, /Bytes/)
  await refused(echo.call('echo.value', { value: NaN }), Invalid, /value.*NaN/)
  await refused(echo.value({ list: [1, Infinity, null] }), Invalid, /Infinity/)
  await refused(echo.value({ big: 2n ** 60n, limit: -Infinity }), Invalid, /limit.*-Infinity/)
  assert.throws(() => new daytona.Daytona('key'), Invalid)
  for (const requestTimeoutMs of [-1, 1.5, NaN, '5']) {
    assert.throws(() => new daytona.Daytona({ apiKey: 'k', requestTimeoutMs }), Invalid)
  }
  const client = new daytona.Daytona({ apiKey: 'k', apiUrl: 'http://127.0.0.1:1' })
  for (const params of ['python', 5, [1]]) await refused(client.create(params), Invalid, /object/)
  await refused(client.snapshot.create('tools'), Invalid, /object/)
  await refused(client.create({}, 120), Invalid, /options/)
  await refused(client.snapshot.create({ name: 's', image: 'i' }, 120), Invalid, /options/)
  await client.close()
  const circle = {}
  circle.itself = circle
  await assert.rejects(echo.value(circle), TypeError)
})

test('a panic of the library is an error, and the next call works', async () => {
  await assert.rejects(echo.panic(), daytona.DaytonaPanicError)
  assert.deepEqual(await echo.value({ a: 1 }), { a: 1 })
})

test('a hundred thousand calls answer each its own, 64 at once', async () => {
  await soak(async (calls) => {
    let next = 0
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (next < calls) {
          const number = next++
          const answer = await echo.value({ number })
          assert.equal(answer.number, number)
        }
      }),
    )
  })
})

test('ten thousand calls at once answer each its own', async () => {
  const answers = await Promise.all(Array.from({ length: 10_000 }, (_, number) => echo.value({ number })))
  answers.forEach((answer, number) => assert.equal(answer.number, number))
})

test('a signal cancels a call, and is its cause', async () => {
  const controller = new AbortController()
  const call = echo.delay(600_000, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof daytona.DaytonaCancelledError)
    return error.cause.message === 'enough'
  })
  await assert.rejects(echo.delay(0, { signal: controller.signal }), daytona.DaytonaCancelledError)
  assert.equal(await echo.delay(0, { signal: new AbortController().signal }), undefined)
})

test('one signal may cancel many calls, without a warning', async () => {
  const warnings = []
  const note = (warning) => warnings.push(warning.name)
  process.on('warning', note)
  const controller = new AbortController()
  const calls = Array.from({ length: 64 }, () => echo.delay(60_000, { signal: controller.signal }))
  controller.abort()
  for (const { reason } of await Promise.allSettled(calls)) assert.ok(reason instanceof daytona.DaytonaCancelledError)
  await new Promise(setImmediate)
  process.off('warning', note)
  assert.deepEqual(warnings, [])
})

test('a limit ends a call', async () => {
  await assert.rejects(echo.delay(600_000, { timeoutMs: 10 }), daytona.DaytonaTimeoutError)
  await assert.rejects(echo.delay(600_000, { signal: AbortSignal.timeout(10) }), daytona.DaytonaCancelledError)
})

test('closing a client ends its calls, and a closed one refuses more', async () => {
  const other = new Echo()
  const call = other.delay(600_000)
  const ended = assert.rejects(call, daytona.DaytonaClosedError)
  await other.close()
  await ended
  await other.close()
  await assert.rejects(other.value({}), daytona.DaytonaClosedError)
  await assert.rejects(other.stream().result(), daytona.DaytonaClosedError)
})

test('a handle becomes an object that can be closed', async () => {
  const sandbox = await echo.handle()
  assert.ok(sandbox instanceof daytona.Sandbox)
  await sandbox[Symbol.asyncDispose]()
  await assert.rejects(sandbox.process.execute('true'), daytona.DaytonaClosedError)
})

test('a field that the server says no more is gone', async () => {
  const sandbox = await echo.handle()
  sandbox._update({ id: 's', state: 'error', errorReason: 'no space' })
  assert.equal(sandbox.errorReason, 'no space')
  sandbox._update({ id: 's', state: 'started' })
  assert.deepEqual([sandbox.state, sandbox.errorReason], ['started', undefined])
})

test('nothing is left over after many calls', async () => {
  const rounds = async () => {
    for (let index = 0; index < 200; index++) {
      await Promise.all(Array.from({ length: 50 }, () => echo.bytes(Buffer.alloc(20_000))))
    }
  }
  await rounds()
  const before = process.memoryUsage().rss
  await rounds()
  await rounds()
  assert.ok(process.memoryUsage().rss - before < 100 << 20)
})

// The conformance cases (tests/conformance/README.md) through this package's typed calls, against a server:
// `daytona-dev run -- node test/conformance.mjs [TEXT...]`.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { Daytona, DaytonaError, Echo, Stream } from '../lib/index.mjs'
import json from '../lib/json.js'
import methods from './generated/methods.js'

const DIRECTORY = fileURLToPath(new URL('../../../tests/conformance', import.meta.url))
const CATALOGUE = JSON.parse(readFileSync(new URL('../../../src/catalogue/operations.json', import.meta.url)))
const OPERATIONS = Object.fromEntries(CATALOGUE.operations.map((it) => [it.name, it]))
const CLASSES = new Set(CATALOGUE.classes.map((it) => it.name))
const STEP_MS = 120_000
const AT_ONCE = 4

/** What cannot be said in this language: a name, and why. */
const SKIPPED = {}

const NULLABLE = ['code', 'source', 'operation', 'httpStatus', 'requestId', 'retryAfterMs', 'sandboxId', 'headers']

class Failed extends Error {}

/** Calls whose arguments are one object, as in the official package. */
const OBJECTS = new Set(['sandbox.create', 'snapshot.create', 'secret.create', 'warm_pool.create'])
/** Calls whose arguments are the official package's. */
const OFFICIAL = {
  'warm_pool.update': ({ id, ...params }, options) => [id, params, options],
  'sandbox.update_env': ({ set, ...rest }, options) => [set ?? {}, { ...rest, ...options }],
}
/** Calls that give a part of the answer, as in the official package; the whole comes by name. */
const PARTS = new Set(['sandbox.delete', 'sandbox.download_url', 'sandbox.upload_url'])
/** Calls that give a part of the answer, as in the official package, and the whole answer again. */
const WHOLE = {
  'sandbox.set_labels': (labels) => ({ labels }),
  'interpreter.list_contexts': (answer) => answer,
}

function typed(target, operation, params, more, body) {
  const { area, call, stream, arguments: names, body: takesBody } = methods[operation]
  const object = area ? target[area] : target
  const { ...options } = params
  if (OBJECTS.has(operation) && !more.stream) return object[call](options, more.options)
  if (operation in OFFICIAL) return object[call](...OFFICIAL[operation](options, more.options))
  const given = names.map((name) => options[name])
  for (const name of names) delete options[name]
  if (takesBody) given.push(body)
  return object[more.stream ? stream : call](...given, { ...options, ...more.options })
}

function answer(target, operation, value) {
  if (operation in WHOLE) return WHOLE[operation](value)
  const shape = OPERATIONS[operation].call?.result?.$ref
  const isSandbox = shape === '#/$defs/Sandbox' || operation === 'sandbox.delete'
  if (value === undefined && isSandbox) return target.toJSON()
  if (value instanceof Object && typeof value.toJSON === 'function' && !Buffer.isBuffer(value)) return value.toJSON()
  return value ?? null
}

function errorOf(error) {
  if (!(error instanceof DaytonaError)) throw error
  const { constructor, statusName, statusCode, message, ...rest } = error
  const bare = (Class) => Class.name.replace(/^Daytona|Error$/g, '')
  let parent = constructor === DaytonaError ? constructor : Object.getPrototypeOf(constructor)
  while (parent !== DaytonaError && !CLASSES.has(bare(parent))) parent = Object.getPrototypeOf(parent)
  const known = { ...rest, name: statusName, httpStatus: statusCode, message }
  for (const name of NULLABLE) known[name] ??= null
  known.class = constructor === DaytonaError ? null : bare(constructor)
  known.parent = parent === DaytonaError || constructor === DaytonaError ? null : bare(parent)
  return known
}

const bytesOf = ({ text, base64, times = 1 }) =>
  Buffer.alloc(
    (base64 === undefined ? Buffer.byteLength(text) : Buffer.from(base64, 'base64').length) * times,
    text === '' ? 0 : Buffer.from(text ?? base64, text === undefined ? 'base64' : 'utf8'),
  )

function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  if ('$number' in value) return number(value.$number)
  if ('$utf16' in value) return String.fromCharCode(...value.$utf16)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

const number = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text))
const isNumber = (value) => typeof value === 'number' || typeof value === 'bigint'
const show = (value) => (value === undefined ? 'nothing' : json.stringify(value).slice(0, 2000))

const TYPES = {
  string: (value) => typeof value === 'string',
  number: isNumber,
  integer: (value) => typeof value === 'bigint' || Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  object: (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  null: (value) => value === null,
}

const matches = (expected, value) => {
  try {
    match(expected, value, '')
    return true
  } catch (error) {
    if (error instanceof Failed) return false
    throw error
  }
}

const SPECIAL = {
  $any: (_, value) => value !== undefined,
  $absent: (_, value) => value === undefined || value === null,
  $type: (name, value) => TYPES[name](value),
  $regex: (regex, value) => typeof value === 'string' && new RegExp(regex).test(value),
  $atLeast: (least, value) => isNumber(value) && value >= least,
  $number: (text, value) => isNumber(value) && BigInt(value) === BigInt(text),
  $utf16: (units, value) =>
    value === String.fromCharCode(...units) || value === String.fromCharCode(...units).toWellFormed?.(),
  $count: (count, value) => Array.isArray(value) && value.length === count,
  $includes: (wanted, value) => Array.isArray(value) && wanted.every((it) => value.some((has) => matches(it, has))),
  $oneOf: (choices, value) => choices.some((it) => matches(it, value)),
}

function match(expected, value, where) {
  const [key] = TYPES.object(expected) ? Object.keys(expected).filter((name) => name[0] === '$') : []
  if (key) {
    if (!SPECIAL[key]) throw new Error(`The special object ${key} is not known.`)
    if (SPECIAL[key](expected[key], value)) return
  } else if (TYPES.object(expected) && TYPES.object(value)) {
    for (const [name, item] of Object.entries(expected)) match(item, value[name], `${where}/${name}`)
    return
  } else if (Array.isArray(expected) && Array.isArray(value) && expected.length === value.length) {
    expected.forEach((item, index) => match(item, value[index], `${where}/${index}`))
    return
  } else if (isNumber(expected) ? expected == value && isNumber(value) : isDeepStrictEqual(expected, value)) return // eslint-disable-line eqeqeq
  throw new Failed(`${where}: expected ${show(expected)}, came ${show(value)}`)
}

function matchBytes(expected, data, where) {
  if ('contains' in expected) {
    let at = 0
    for (const text of expected.contains) {
      const found = data.indexOf(text, at)
      if (found < 0) throw new Failed(`${where}: no ${show(text)} in ${show(data.subarray(at).toString())}`)
      at = found + Buffer.byteLength(text)
    }
  } else if ('lacks' in expected) {
    if (data.includes(expected.lacks)) throw new Failed(`${where}: has ${show(expected.lacks)}`)
  } else if ('count' in expected) {
    if (data.length !== expected.count)
      throw new Failed(`${where}: ${expected.count} bytes expected, came ${data.length}`)
  } else if (!bytesOf(expected).equals(data)) {
    throw new Failed(`${where}: expected ${show(bytesOf(expected).toString())}, came ${show(data.toString())}`)
  }
}

function known(object, keys) {
  const unknown = Object.keys(object).filter((key) => !keys.includes(key))
  if (unknown.length) throw new Error(`unknown keys ${unknown}`)
}

/** A stream that is read as a case says. */
class Reader {
  output = { data: [], stdout: [], stderr: [] }
  structured = []
  text = Buffer.alloc(0)
  found = 0

  constructor(stream) {
    this.stream = stream
  }

  async more() {
    const chunk = await this.stream.read()
    if (chunk?.channel === 'structured') this.structured.push(chunk.value)
    else if (chunk) {
      this.output[chunk.channel].push(chunk.data)
      this.text = Buffer.concat([this.text, chunk.data])
    }
    return chunk !== undefined
  }

  async until(wanted) {
    for (;;) {
      const at = this.text.indexOf(wanted, this.found)
      if (at >= 0) return (this.found = at + Buffer.byteLength(wanted))
      if (!(await this.more())) throw new Failed(`it ended without ${show(wanted)} in ${show(this.text.toString())}`)
    }
  }
}

class Case {
  objects = {}
  opened = []

  constructor(it, client) {
    this.it = it
    this.objects.client = client
    const apiUrl = process.env.DAYTONA_API_URL
    this.variables = {
      unique: randomUUID().replaceAll('-', ''),
      tmp: mkdtempSync(join(tmpdir(), 'case-')),
      apiUrl,
      apiHost: new URL(apiUrl).host,
    }
  }

  keep(name, object) {
    this.objects[name] = object
    this.opened.push(object)
  }

  async run() {
    known(this.it, ['name', 'on', 'create', 'faults', 'dynamic', 'steps'])
    try {
      if (this.it.on === 'echo') this.keep('echo', new Echo())
      if (this.it.on === 'sandbox') {
        const save = { sandboxId: '/id', sandboxName: '/name' }
        await this.step({ call: 'sandbox.create', params: this.it.create ?? {}, as: 'sandbox', save })
      }
      if (this.it.faults) await faults(this.filled(this.it.faults))
      for (const [index, step] of this.it.steps.entries()) {
        let timer
        const late = new Promise((_, reject) => {
          timer = setTimeout(() => reject(new Failed(`it took more than ${STEP_MS} ms`)), STEP_MS)
        })
        try {
          await Promise.race([this.step(step), late])
        } catch (error) {
          throw new Failed(`step ${index + 1}: ${error.stack}`)
        } finally {
          clearTimeout(timer)
        }
      }
    } finally {
      if (this.it.faults) await faults([])
      const { sandboxId, tmp } = this.variables
      if (sandboxId) {
        const sandbox = await this.objects.client.attach(sandboxId)
        await sandbox.delete().catch(() => {}) // The case may have deleted it.
        sandbox.close()
      }
      for (const object of this.opened) await object.close()
      rmSync(tmp, { recursive: true })
    }
  }

  filled(value) {
    if (Array.isArray(value)) return value.map((item) => this.filled(item))
    if (TYPES.object(value))
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.filled(key), this.filled(item)]))
    if (typeof value !== 'string') return value
    const whole = /^\$\{(\w+)\}$/.exec(value)
    const variable = (name) => {
      if (!(name in this.variables)) throw new Error(`There is no variable ${name}.`)
      return this.variables[name]
    }
    if (whole) return variable(whole[1])
    return value.replace(/\$\{(\w+)\}/g, (_, name) => {
      const found = variable(name)
      return typeof found === 'string' ? found : json.stringify(found)
    })
  }

  async step(step) {
    const later = ['do', 'meanwhile', 'expect']
    const now = Object.fromEntries(
      Object.entries(step).map(([key, item]) => [key, later.includes(key) ? item : this.filled(item)]),
    )
    if ('stream' in now) {
      known(now, ['stream', 'params', 'with', 'as', 'save', 'do', 'expect'])
      await this.stream(now)
    } else if ('call' in now) {
      known(now, ['call', 'params', 'body', 'with', 'as', 'save', 'meanwhile', 'cancel', 'expect'])
      await this.call(now)
    } else {
      known(now, ['close'])
      await this.objects[now.close].close()
    }
  }

  target(step, operation) {
    return this.objects[step.with ?? OPERATIONS[operation].target]
  }

  async call(step) {
    const operation = step.call
    const params = plain(step.params ?? {})
    if (operation === 'client.open' || operation === 'echo.open') {
      return this.settle(
        step,
        () => (operation === 'echo.open' ? new Echo() : new Daytona(params)),
        (it) => ({ keep: it }),
      )
    }
    const target = this.target(step, operation)
    const body = step.body && bytesOf(step.body)
    const controller = new AbortController()
    const options = step.cancel ? { signal: controller.signal } : {}
    const { area, call } = methods[operation] ?? {}
    // A handle of the echo target is a sandbox's, whose methods are others.
    const isTyped = typeof (area ? target[area] : target)?.[call] === 'function' || OBJECTS.has(operation)
    const isDynamic = this.it.dynamic || PARTS.has(operation) || !isTyped
    const pending = isDynamic
      ? target.call(operation, params, options, body)
      : typed(target, operation, params, { options }, body ?? Buffer.alloc(0))
    const outcome = Promise.resolve(pending).then(
      (value) => ({ value }),
      (error) => ({ error }),
    )
    for (const other of step.meanwhile ?? []) await this.step(other)
    if (step.cancel) controller.abort()
    const result = await outcome
    await this.settle(
      step,
      () => {
        if (result.error) throw result.error
        return result.value
      },
      (value) => {
        const isHandle = OPERATIONS[operation].call.returns === 'handle'
        if (isHandle) return { keep: value, value: value.toJSON() }
        return Buffer.isBuffer(value) ? { bytes: value } : { value: answer(target, operation, value) }
      },
    )
  }

  async settle(step, work, read) {
    const expected = this.filled(step.expect ?? {})
    known(expected, ['result', 'bytes', 'error'])
    let value
    try {
      value = await work()
    } catch (error) {
      if (!expected.error) throw error
      return match(expected.error, errorOf(error), 'error')
    }
    if (expected.error) throw new Failed(`no error came; expected ${show(expected.error)}`)
    const { keep, bytes, value: result } = read(value)
    if (keep && step.as) this.keep(step.as, keep)
    else if (keep) await keep.close()
    for (const [variable, pointer] of Object.entries(step.save ?? {}))
      this.variables[variable] = pointed(result, pointer)
    if (expected.bytes) matchBytes(expected.bytes, bytes ?? Buffer.from(result), 'bytes')
    if ('result' in expected) match(plainMatch(expected.result), result, 'result')
  }

  async stream(step) {
    const operation = step.stream
    const target = this.target(step, operation)
    const params = plain(step.params ?? {})
    const stream = this.it.dynamic
      ? target.openStream(operation, params)
      : typed(target, operation, params, { stream: true, options: {} })
    if (!(stream instanceof Stream)) throw new Failed(`${operation} gave no stream`)
    const reader = new Reader(stream)
    let [opened, ended, error, closed] = []
    const writes = []
    try {
      opened = await stream.opened()
      for (const action of step.do ?? []) {
        if ('write' in action) writes.push(stream.write(bytesOf(this.filled(action.write))))
        else if ('until' in action) await reader.until(this.filled(action.until))
        else if ('finish' in action) writes.push(stream.finish())
        else if (action.close === 'stream') {
          stream.close()
          closed = true
        } else await this.step(action)
      }
      if (!closed) {
        for (const write of writes) write.catch(() => {})
        while (await reader.more());
        await Promise.all(writes)
        ended = await stream.result()
      }
    } catch (failure) {
      if (failure instanceof Failed) throw failure
      error = failure
    } finally {
      stream.close()
    }
    const expected = this.filled(step.expect ?? {})
    known(expected, ['opened', 'stdout', 'stderr', 'none', 'structured', 'ended', 'error'])
    if (error && !expected.error) throw error
    if (expected.error && !error) throw new Failed(`no error came; expected ${show(expected.error)}`)
    if (error) match(expected.error, errorOf(error), 'error')
    if ('opened' in expected) match(expected.opened, opened, 'opened')
    for (const [name, channel] of [
      ['stdout', 'stdout'],
      ['stderr', 'stderr'],
      ['none', 'data'],
    ]) {
      if (expected[name]) matchBytes(expected[name], Buffer.concat(reader.output[channel]), name)
    }
    if (expected.structured) match(expected.structured, reader.structured, 'structured')
    if (ended !== undefined) {
      if (ended && OPERATIONS[operation].stream.handle) {
        if (step.as) this.keep(step.as, ended)
        else ended.close()
        ended = ended.toJSON()
      }
      for (const [variable, pointer] of Object.entries(step.save ?? {}))
        this.variables[variable] = pointed(ended, pointer)
      if (expected.ended) match(expected.ended, ended, 'ended')
    }
  }
}

/** Numbers and texts of a MATCH that JSON cannot hold are special objects there too. */
const plainMatch = (value) => value

function pointed(value, pointer) {
  for (const part of pointer.split('/').slice(1)) value = value[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  return value
}

async function faults(rules) {
  const { DAYTONA_API_URL: url, DAYTONA_API_KEY: key } = process.env
  const headers = { Authorization: `Bearer ${key}` }
  const answer = await fetch(`${url.replace(/\/api$/, '')}/faults`, {
    method: 'POST',
    headers,
    body: JSON.stringify(rules),
  })
  if (!answer.ok) throw new Error(`The server takes no faults: ${await answer.text()}`)
}

const files = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith('.json'))
  .sort()
const cases = files.flatMap((name) => JSON.parse(readFileSync(join(DIRECTORY, name))).cases)
const names = cases.map(({ name }) => name)
const wrong = [
  ...names.filter((name, index) => names.indexOf(name) !== index),
  ...Object.keys(SKIPPED).filter((name) => !names.includes(name)),
]
if (wrong.length) throw new Error(`names that are not those of one case: ${wrong}`)
const texts = process.argv.slice(2)
const chosen = cases.filter(({ name }) => !texts.length || texts.some((text) => name.includes(text)))
const counts = { passed: 0, failed: 0, skipped: 0 }
const client = new Daytona()

async function prove(it) {
  if (it.name in SKIPPED) {
    counts.skipped++
    return console.log(`skipped ${it.name}: ${SKIPPED[it.name]}`)
  }
  try {
    await new Case(it, client).run()
    counts.passed++
    console.log(`ok ${it.name}`)
  } catch (error) {
    counts.failed++
    console.log(`FAILED ${it.name}: ${error instanceof Failed ? error.message : error.stack}`)
  }
}

const together = chosen.filter((it) => !it.faults)
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let it = together.shift(); it; it = together.shift()) await prove(it)
  }),
)
for (const it of chosen.filter((it) => it.faults)) await prove(it)
await client.close()
console.log(
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', '),
)
process.exitCode = counts.failed ? 1 : 0

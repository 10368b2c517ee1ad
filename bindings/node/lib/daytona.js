'use strict'
// Clients: of Daytona, and of the echo target, which needs no server.

const library = require('./library')
const json = require('./json')
const pump = require('./pump')
const { open, hide } = require('./target')
const { Client, EchoCalls } = require('./generated/calls')
const compatible = require('./compatible')
const { Sandbox } = require('./sandbox')

/** Closes the handles of clients that nobody has any more. */
const forgotten = new FinalizationRegistry((/** @type {number} */ handle) => pump.closeClient(handle))

/** @param {any} client @param {'clientOpen' | 'echoOpen'} how @param {object | undefined} config */
function start(client, how, config) {
  hide(client, { _handle: open(how, config ? json.stringify(config) : null) })
  forgotten.register(client, client._handle, client)
}

/** Ends a client's calls and streams, and waits for their answers. @param {any} client */
async function stop(client) {
  if (!client._handle) return
  const settled = pump.settled(client)
  pump.closeClient(client._handle)
  client._handle = 0
  forgotten.unregister(client)
  await settled
}

class Daytona extends Client {
  /** @param {any} [config] */
  constructor(config) {
    super(undefined, 'client')
    const { requestTimeoutMs, ...rest } = compatible.clientConfig(config)
    hide(this, { _requestTimeoutMs: requestTimeoutMs })
    start(this, 'clientOpen', rest)
  }

  /** @param {any} [params] @param {any} [options] @returns {Promise<any>} */
  async create(params, options) {
    const { timeout, onSnapshotCreateLogs, ...rest } = options ?? {}
    const all = { ...compatible.createParams(params), ...rest }
    if (timeout !== undefined) all.timeoutMs = Math.ceil(timeout * 1000)
    if (!onSnapshotCreateLogs) return this._call('sandbox.create', {}, all)
    const stream = this._stream('sandbox.create', {}, all)
    for await (const line of compatible.lines(stream)) onSnapshotCreateLogs(line)
    return stream.result()
  }

  /** @param {any} [query] @param {any} [options] */
  async *list(query, options) {
    for await (const info of compatible.pages(this, 'sandbox.list', compatible.listParams(query), options)) {
      yield new Sandbox(this, 0, info)
    }
  }

  /** @param {any} sandbox @param {any[]} more */
  start(sandbox, ...more) {
    return sandbox.start(...more)
  }

  /** @param {any} sandbox @param {any[]} more */
  stop(sandbox, ...more) {
    return sandbox.stop(...more)
  }

  /** @param {any} sandbox @param {any[]} more */
  fork(sandbox, ...more) {
    return sandbox.fork(...more)
  }

  /** @param {any} sandbox @param {any[]} more */
  _experimental_fork(sandbox, ...more) {
    return sandbox.fork(...more)
  }

  /** @param {any} sandbox @param {any[]} more */
  delete(sandbox, ...more) {
    return sandbox.delete(...more)
  }

  get snapshot() {
    return this._area('snapshot', compatible.SnapshotService)
  }

  get volume() {
    return this._area('volume', compatible.VolumeService)
  }

  /** A handle of a sandbox that the server has described. @param {any} info */
  _attach(info) {
    const params = json.stringify({ sandbox: info })
    pump.check(
      library.call(
        /** @type {any} */ (this)._handle,
        'sandbox.attach',
        params,
        null,
        0,
        pump.number,
        pump.pointer,
        null,
      ),
    )
    library.free(pump.pointer[0])
    return pump.stored()
  }

  /** Ends what runs, waits for it, and closes. */
  close() {
    return stop(this)
  }

  [Symbol.asyncDispose]() {
    return stop(this)
  }
}

/** A client that talks to nobody: it gives back what it is given. */
class Echo extends EchoCalls {
  constructor() {
    super(undefined, 'client')
    start(this, 'echoOpen', undefined)
  }

  close() {
    return stop(this)
  }

  [Symbol.asyncDispose]() {
    return stop(this)
  }
}

module.exports = { Daytona, Echo }

'use strict'
// Clients: of Daytona, and of the echo target, which needs no server.

const { hide } = require('./target')
const { invalid, renamed } = require('./arguments')
const { Client, EchoCalls } = require('./generated/calls')
const { Sandbox } = require('./sandbox')

class Daytona extends Client {
  /** @param {any} [config] */
  constructor(config) {
    const { requestTimeoutMs, otelEnabled, useDeprecatedPolling, _experimental, ...rest } = renamed(
      config,
      'DaytonaConfig',
    )
    const limit = requestTimeoutMs ?? 0
    if (!Number.isInteger(limit) || limit < 0) {
      throw invalid(`client.open: requestTimeoutMs is a whole number of milliseconds, not ${requestTimeoutMs}`)
    }
    super('clientOpen', rest)
    hide(this, { _requestTimeoutMs: requestTimeoutMs })
  }

  /** @param {any} [query] @param {any} [options] */
  async *list(query, options) {
    const all = renamed(query, 'ListSandboxesQuery')
    for (;;) {
      const { items, nextCursor, page, totalPages } = await this.call('sandbox.list', all, options)
      for (const info of items) yield new Sandbox(this, 0, info)
      if (!nextCursor && !(page < totalPages)) return
      all.cursor = nextCursor
      all.page = nextCursor ? undefined : page + 1
    }
  }
}

/** A client that talks to nobody: it gives back what it is given. */
class Echo extends EchoCalls {
  constructor() {
    super('echoOpen')
  }
}

module.exports = { Daytona, Echo }

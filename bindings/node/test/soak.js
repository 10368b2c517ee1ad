'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const vm = require('node:vm')
require('node:v8').setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')

/** Makes 100,000 calls; with DAYTONA_ECHO_CALLS that many, after a tenth of them to warm up, and then neither resident memory nor
 * descriptors may have grown. */
async function soak(calls) {
  const given = process.env.DAYTONA_ECHO_CALLS
  if (!given) return calls(100_000)
  const count = Number(given)
  await calls(count / 10)
  const before = await held()
  await calls(count)
  const after = await held()
  const parts = ['resident', 'descriptors'].map((what) => `${what} ${before[what]} -> ${after[what]}`)
  console.log(`soak Node: ${count} calls, ${parts[0]} KiB, ${parts[1]}`)
  // V8 gives memory back when it likes; what a call left behind would be more than this.
  assert.ok(
    after.resident <= before.resident + (32 << 10) && after.descriptors <= before.descriptors,
    'something leaks',
  )
}

async function held() {
  await new Promise(setImmediate)
  gc()
  return {
    resident: Math.round(process.memoryUsage.rss() / 1024),
    descriptors: fs.readdirSync('/proc/self/fd').length,
  }
}

module.exports = { soak }

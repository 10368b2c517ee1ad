// The measures in Node, with the names that the official package has as well: `node bench.mjs PACKAGE PORT MEASURE
// [ARGUMENT...]`.

import { createWriteStream, readFileSync, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'

const [name, port, measure, ...args] = process.argv.slice(2)
const { default: module, ...named } = await import(name)
const { Daytona, Echo } = { ...module, ...named }
const isOurs = Echo !== undefined

const MIB = 2 ** 20
const TRIPS = 3000

// The process's memory in KiB: VmRSS now, VmHWM at most so far.
const memory = (which) => Number(new RegExp(`${which}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))[1])

// What the process had used when a measure began; what it gives prints what was used since, a line of JSON as
// every measured program does.
function begin() {
  const [cpu, idle, at] = [process.cpuUsage(), memory('VmRSS'), performance.now()]
  return (units, trips) => {
    const [{ user, system }, wall, peak] = [process.cpuUsage(cpu), performance.now() - at, memory('VmHWM')]
    const line = { cpuUs: user + system, wallUs: wall * 1000, units, grownKib: peak - idle, peakKib: peak }
    if (trips) line.p50Us = trips.sort((a, b) => a - b)[trips.length >> 1] * 1000
    console.log(JSON.stringify(line))
  }
}

function expect(good) {
  if (!good) throw new Error('the measure failed')
}

// Calls by so many loops at once, some beforehand.
async function inFlight(width, calls, warm, call) {
  const run = async (calls) => {
    const worker = async () => {
      while (calls-- > 0) await call()
    }
    await Promise.all(Array.from({ length: width }, worker))
  }
  await run(warm)
  const report = begin()
  await run(calls)
  report(calls)
}

async function echoTarget(width, calls, warm) {
  const echo = new Echo()
  await inFlight(width, calls, warm, () => echo.value({ result: 'hello', exitCode: 0 }))
  await echo[Symbol.asyncDispose]()
}

async function follow(sandbox, mib) {
  let bytes = 0
  const count = (text) => (bytes += text.length)
  const report = begin()
  if (isOurs) for await (const { data } of sandbox.session.follow('s', `log-${mib}`)) count(data)
  else await sandbox.process.getSessionCommandLogs('s', `log-${mib}`, count, count)
  expect(bytes > mib * MIB * 0.9)
  report(mib)
}

async function echo(sandbox) {
  let arrived
  const pty = await sandbox.process.createPty({ id: 'echo', onData: () => arrived() })
  await pty.waitForConnection()
  const trips = []
  let report
  for (let i = 0; i < 2 * TRIPS; i++) {
    if (i === TRIPS) report = begin()
    const at = performance.now()
    const back = new Promise((resolve) => (arrived = resolve))
    await pty.sendInput('x')
    await back
    if (i >= TRIPS) trips.push(performance.now() - at)
  }
  report(TRIPS, trips)
  await pty.disconnect()
}

async function main() {
  const numbers = args.map(Number)
  if (measure === 'echo-target') return echoTarget(...numbers)
  const first = begin()
  const daytona = new Daytona({ apiKey: 'bench', apiUrl: `http://127.0.0.1:${port}/api` })
  const sandbox = await daytona.get('sandbox')
  const call = () => sandbox.process.executeCommand('echo hello')
  await call()
  const report = begin()
  const size = () => statSync(args[0]).size / MIB
  const measures = {
    first: () => first(1),
    'execute-async': () => inFlight(1, ...numbers, call),
    'in-flight': () => inFlight(...numbers, call),
    upload: async () => {
      await sandbox.fs.uploadFile(args[0], '/tmp/upload')
      report(size())
    },
    download: async () => {
      if (isOurs) await sandbox.fs.downloadFile('/tmp/download', args[0])
      else await pipeline(await sandbox.fs.downloadFileStream('/tmp/download'), createWriteStream(args[0]))
      report(size())
    },
    read: async () => {
      expect((await sandbox.fs.downloadFile('/tmp/read')).length === 256 * MIB)
      report(256)
    },
    list: async () => {
      let count = 0
      for await (const _ of daytona.list({ limit: 200 })) count++
      expect(count === 10_000)
      report(1)
    },
    log: () => follow(sandbox, ...numbers),
    echo: () => echo(sandbox),
  }
  await measures[measure]()
  await daytona[Symbol.asyncDispose]()
}

await main()
// The official package keeps connections that hold the process.
process.exit(0)

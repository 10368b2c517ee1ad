// One measure of one package: `node measure.mjs PACKAGE PORT MEASURE`, against bench-server. Prints JSON: the units done,
// CPU and wall time, and the most memory.

import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

const [name, port, measure] = process.argv.slice(2)
const began = performance.now()
const { default: module, ...named } = await import(name)
const { Daytona, Echo } = { ...module, ...named }

const isOurs = Echo !== undefined
const config = { apiKey: 'key', apiUrl: `http://127.0.0.1:${port}/api` }
const open = async () => {
  const daytona = new Daytona(config)
  for await (const sandbox of daytona.list({ limit: 200 })) return { daytona, sandbox }
}

async function inFlight(sandbox, count, total) {
  let next = 0
  const worker = async () => {
    while (next++ < total) await sandbox.process.executeCommand('true')
  }
  await Promise.all(Array.from({ length: count }, worker))
  return total
}

const measures = {
  async first() {
    const { daytona, sandbox } = await open()
    await sandbox.process.executeCommand('true')
    return [1, daytona]
  },
  async sequential() {
    const { daytona, sandbox } = await open()
    return [await inFlight(sandbox, 1, 5000), daytona]
  },
  async 'in-flight-64'() {
    const { daytona, sandbox } = await open()
    return [await inFlight(sandbox, 64, isOurs ? 100_000 : 20_000), daytona]
  },
  async 'in-flight-1000'() {
    const { daytona, sandbox } = await open()
    return [await inFlight(sandbox, 1000, isOurs ? 100_000 : 20_000), daytona]
  },
  async read() {
    const { daytona, sandbox } = await open()
    return [(await sandbox.fs.downloadFile('/read')).length / 2 ** 20, daytona]
  },
  async download() {
    const { daytona, sandbox } = await open()
    await pipeline(await sandbox.fs.downloadFileStream('/file'), createWriteStream('/dev/null'))
    return [1024, daytona]
  },
  async list() {
    const daytona = new Daytona(config)
    let count = 0
    for await (const _ of daytona.list({ limit: 200 })) count++
    return [count, daytona]
  },
  async log() {
    const { daytona, sandbox } = await open()
    let bytes = 0
    const count = (text) => (bytes += text.length)
    if (!isOurs) await sandbox.process.getSessionCommandLogs('session', 'command', count, count)
    else for await (const { data } of sandbox.session.follow('session', 'command')) count(data)
    return [bytes / 2 ** 20, daytona]
  },
  async 'echo-64'() {
    const echo = new Echo()
    let next = 0
    const worker = async () => {
      while (next++ < 200_000) await echo.value({ a: 1 })
    }
    await Promise.all(Array.from({ length: 64 }, worker))
    return [200_000, echo]
  },
}

const [units, daytona] = await measures[measure]()
const { user, system } = process.cpuUsage()
const wall = performance.now() - began
console.log(
  JSON.stringify({ units, cpuUs: user + system, wallMs: wall, peakMiB: process.resourceUsage().maxRSS / 1024 }),
)
await daytona[Symbol.asyncDispose]()

// The Node package beside the official one, in turn, and the table of medians: `node table.mjs BENCH-SERVER [ROUNDS]`,
// LIBDAYTONA_PATH is the library. `make bench-node` runs it. Figures of a whole process, its start included.

import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { once } from 'node:events'
import { promisify } from 'node:util'

const [server, rounds = '3'] = process.argv.slice(2)
const program = fileURLToPath(new URL('measure.mjs', import.meta.url))
const OURS = fileURLToPath(new URL('../lib/index.mjs', import.meta.url))
const OFFICIAL = '@daytona/sdk'

const perUnit = ({ cpuUs, units }) => cpuUs / units
const rate = ({ wallMs, units }) => (units / wallMs) * 1000
const MEASURES = [
  ['process start to first answer', 'first', 'ms', ({ wallMs }) => wallMs],
  ['5,000 executes, one after the other', 'sequential', 'us CPU a call', perUnit],
  ['64 in flight', 'in-flight-64', 'calls/s', rate],
  ['64 in flight', 'in-flight-64', 'us CPU a call', perUnit],
  ['1,000 in flight', 'in-flight-1000', 'calls/s', rate],
  ['1,000 in flight', 'in-flight-1000', 'MiB at most', ({ peakMiB }) => peakMiB],
  ['download of 1 GiB as a stream', 'download', 'us CPU a MiB', perUnit],
  ['whole file of 256 MiB', 'read', 'MiB at most', ({ peakMiB }) => peakMiB],
  ['list of 10,000 sandboxes', 'list', 'ms', ({ wallMs }) => wallMs],
  ['followed log of 256 MiB, a marker a line', 'log', 'MiB/s', rate],
  ['followed log of 256 MiB, a marker a line', 'log', 'us CPU a MiB', perUnit],
  ['echo target, 64 in flight: no server', 'echo-64', 'us CPU a call', perUnit],
]

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
const child = spawn(server, { stdio: ['pipe', 'pipe', 'inherit'] })
const [port] = await once(child.stdout, 'data')
const results = {}
for (let round = 0; round < Number(rounds); round++) {
  for (const measure of new Set(MEASURES.map(([, measure]) => measure))) {
    for (const name of measure === 'echo-64' ? [OURS] : [OURS, OFFICIAL]) {
      const limit = { timeout: 300_000 }
      const run = promisify(execFile)(process.execPath, [program, name, String(port).trim(), measure], limit)
      const result = await run.then(
        ({ stdout }) => JSON.parse(stdout),
        (error) => ({ failed: error.stderr }),
      )
      ;((results[measure] ??= {})[name] ??= []).push(result)
      if (result.failed !== undefined) console.error(`${measure}, ${name}: ${result.failed.slice(0, 500)}`)
    }
  }
}
child.stdin.end()
console.log('| measure | unit | libdaytona | @daytona/sdk | ratio |\n|---|---|---|---|---|')
for (const [label, measure, unit, figure] of MEASURES) {
  const [ours, theirs] = [OURS, OFFICIAL].map((name) => {
    const good = (results[measure][name] ?? []).filter((result) => result.failed === undefined)
    return good.length ? median(good.map(figure)) : undefined
  })
  const show = (value) =>
    value === undefined ? '-' : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
  const ratio = ours && theirs ? (ours / theirs).toFixed(2) : '-'
  console.log(`| ${label} | ${unit} | ${show(ours)} | ${show(theirs)} | ${ratio} |`)
}

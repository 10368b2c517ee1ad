'use strict'
// Answers in the form that the official package gives them.

const { metrics: fields } = require('./generated/tables')

/** @param {any} answer */
const execution = (answer) => ({ ...answer, artifacts: { stdout: answer.result } })

/** @param {any} answer */
const codeRun = (answer) => ({
  ...answer,
  exitCode: answer.exitCode ?? 0,
  artifacts: { stdout: answer.result, ...answer.artifacts, charts: answer.artifacts?.charts ?? [] },
})

/** @param {any} answer */
const commit = (answer) => ({ ...answer, sha: answer.hash })

/** @param {any} answer */
const metrics = (answer) => ({ ...answer, timestamp: new Date(answer.timestamp) })

/** One object for each time, from one series for each metric. @param {any[]} series */
function metricsByTime(series) {
  const times = new Map()
  for (const { metricName, dataPoints } of series) {
    const field = fields[metricName]
    if (!field) continue
    for (const { timestamp, value } of dataPoints) {
      if (!times.has(timestamp)) {
        const empty = Object.fromEntries(Object.values(fields).map((name) => [name, 0]))
        times.set(timestamp, { ...empty, timestamp: new Date(timestamp) })
      }
      times.get(timestamp)[field] = value
    }
  }
  return [...times.values()].sort((a, b) => a.timestamp - b.timestamp)
}

module.exports = { execution, codeRun, commit, metrics, metricsByTime }

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
  const none = Object.fromEntries(Object.values(fields).map((name) => [name, 0]))
  const times = /** @type {any} */ ({})
  for (const { metricName, dataPoints } of series.filter((it) => fields[it.metricName])) {
    for (const { timestamp, value } of dataPoints) {
      times[timestamp] ??= metrics({ ...none, timestamp })
      times[timestamp][fields[metricName]] = value
    }
  }
  return Object.values(times).sort((a, b) => a.timestamp - b.timestamp)
}

module.exports = { execution, codeRun, commit, metrics, metricsByTime }

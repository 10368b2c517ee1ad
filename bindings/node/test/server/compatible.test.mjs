// One program, run with the official package and with this one: what it prints is the same.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'node:test'

const program = fileURLToPath(new URL('../compatible.mjs', import.meta.url))
const run = (name) => promisify(execFile)(process.execPath, [program, name], { timeout: 120_000 })

test('a program for the official package does the same with this one', async () => {
  const theirs = await run('@daytona/sdk')
  const ours = await run('../lib/index.mjs')
  assert.equal(ours.stdout, theirs.stdout)
  assert.ok(ours.stdout.split('\n').length > 40)
})

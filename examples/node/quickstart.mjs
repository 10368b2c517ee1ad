// A tour of one sandbox: a command, a terminal, a large file there and back.
//
// It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo-node` starts a server on this machine;
// with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox is deleted at the end.

import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Daytona, version } from 'libdaytona'

const FILE_MIB = 64
const QUIET_MS = 250

const since = (start) => ((performance.now() - start) / 1000).toFixed(2)
const fail = (message) => {
  throw new Error(message)
}

async function create(daytona) {
  const start = performance.now()
  // Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
  const sandbox = await daytona.create({ language: 'python', ephemeral: true, autoStopInterval: 5 })
  console.log(`  id         ${sandbox.id}\n  state      ${sandbox.state}\n  took       ${since(start)} s`)
  return sandbox
}

async function run(sandbox) {
  const start = performance.now()
  const steps = 'for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3'
  const command = sandbox.process.run(steps)
  for await (const { channel, text } of command) {
    for (const line of text.trimEnd().split('\n')) console.log(`  ${since(start)} s  ${channel}  ${line}`)
  }
  const { exitCode } = await command.result()
  console.log(`  exit code  ${exitCode}`)
  if (exitCode !== 3) fail('The command ends with `exit 3`, yet that is not what came back.')
}

/** A terminal's screen as lines; waits for a line, or until it is quiet as a person waits for the prompt. */
class Screen {
  line = ''
  lines = []
  changed = () => {}

  async show(terminal) {
    try {
      await this.read(terminal)
    } catch (error) {
      this.failure = error
    }
    this.ended = true
    this.changed()
  }

  async read(terminal) {
    for await (const piece of terminal.text()) {
      this.line += piece
      const lines = this.line.split('\n')
      this.line = lines.pop()
      for (const line of lines) {
        this.lines.push(stripVTControlCharacters(line).replace(/\r/g, ''))
        console.log(`  | ${this.lines.at(-1)}`)
      }
      this.changed()
    }
  }

  async quiet() {
    for (let isQuiet = this.ended; !isQuiet; ) {
      isQuiet = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(true), QUIET_MS)
        this.changed = () => (clearTimeout(timer), resolve(false))
      })
    }
  }

  async until(wanted) {
    while (!this.lines.some((line) => line.includes(wanted))) {
      if (this.failure) throw this.failure
      if (this.ended) fail('The terminal ended before it showed what was asked for.')
      await new Promise((resolve) => (this.changed = resolve))
    }
  }
}

async function terminal(sandbox) {
  await using(sandbox.pty.open('tour', { cols: 120, rows: 40 }), async (pty) => {
    const screen = new Screen()
    const shown = screen.show(pty)
    const type = async (line) => {
      await screen.quiet()
      await pty.write(line)
    }
    await pty.opened()
    await type('stty size\n')
    await screen.until('40 120')
    await sandbox.pty.resize('tour', 100, 30)
    await type('stty size\n')
    await screen.until('30 100')
    await type('exit 7\n')
    await shown
    const { exitCode } = await pty.result()
    console.log(`  exit code  ${exitCode}`)
    if (exitCode !== 7) fail('The shell was left with `exit 7`, yet that is not what came back.')
  })
}

/** What `await using` does where the language has it. */
async function using(resource, use) {
  try {
    await use(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}

async function hashHere(path) {
  const hash = createHash('sha256')
  for await (const data of createReadStream(path)) hash.update(data)
  return hash.digest('hex')
}

async function files(sandbox) {
  const directory = mkdtempSync(join(tmpdir(), 'daytona-tour-'))
  const [up, down] = [join(directory, 'up'), join(directory, 'down')]
  const transfer = async (label, begin) => {
    const start = performance.now()
    let reports = 0
    await begin({ onProgress: () => reports++ })
    console.log(`  ${label.padEnd(10)} ${FILE_MIB} MiB in ${since(start)} s, ${reports} reports of progress`)
  }
  try {
    writeFileSync(up, randomBytes(FILE_MIB << 20))
    await transfer('up', (options) => sandbox.files.upload(up, 'tour.bin', options))
    await transfer('down', (options) => sandbox.files.download('tour.bin', down, options))
    const here = await hashHere(up)
    const there = (await sandbox.process.execute('sha256sum tour.bin')).result.slice(0, 64)
    const back = await hashHere(down)
    console.log(`  sha256     here   ${here}\n             there  ${there}\n             back   ${back}`)
    if (here !== there || here !== back) fail('The hashes differ: the file changed on its way.')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

console.log(`libdaytona ${version}\n\n1. A sandbox`)
const daytona = new Daytona()
let failure
try {
  const sandbox = await create(daytona)
  try {
    console.log('\n2. A command, its stdout and stderr apart while it runs')
    await run(sandbox)
    console.log('\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`')
    await terminal(sandbox)
    console.log(`\n4. A file of ${FILE_MIB} MiB up and down`)
    await files(sandbox)
  } catch (error) {
    failure = error
  }
  console.log('\n5. The sandbox deleted')
  await sandbox.delete(60, true)
  console.log('  it is gone, with everything that ran in it')
} catch (error) {
  failure ??= error
}
await daytona[Symbol.asyncDispose]()
if (failure) {
  console.error(`\nfailed: ${failure.name}: ${failure.message}`)
  process.exitCode = 1
}
console.log(failure ? '\nThe tour did not work out; the reason stands above.' : '\nThat was one real sandbox.')

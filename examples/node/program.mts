// The program of a reader of the official package, with another import.

import { Daytona, DaytonaNotFoundError } from 'libdaytona'

const daytona = new Daytona()
const sandbox = await daytona.create({ language: 'python' })
const response = await sandbox.process.executeCommand('echo $GREETING', '/tmp', { GREETING: 'hi' }, 10)
console.log(response.exitCode, response.result)
await sandbox.process.createSession('work')
await sandbox.process.executeSessionCommand('work', { command: 'make', async: true })

const { signal } = new AbortController()
for await (const chunk of sandbox.process.run('echo tested; echo careful >&2', { signal }))
  process[chunk.channel].write(chunk.data)
try {
  await sandbox.fs.downloadFile('/missing')
} catch (error) {
  if (error instanceof DaytonaNotFoundError) console.log(error.code)
}
let cursor: string | undefined
do {
  const page = await daytona.secret.list({ cursor, limit: 100 })
  for (const secret of page.items) console.log(secret.name)
  cursor = page.nextCursor ?? undefined
} while (cursor)
await sandbox.delete()
await daytona[Symbol.asyncDispose]()

// The guide of the Go SDK, topic by topic, by the names of the official package for Node, against a server:
// `daytona-dev run -- node --test test/server`.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import test from 'node:test'
import * as libdaytona from '../../lib/index.mjs'

const { Daytona, Image, SandboxState } = libdaytona
const daytona = new Daytona()
const sandbox = await daytona.create({ language: 'python', labels: { env: 'dev' }, envVars: { STAGE: 'test' } })
const local = mkdtempSync(join(tmpdir(), 'daytona-'))
test.after(async () => {
  rmSync(local, { recursive: true })
  await sandbox.delete()
  await daytona[Symbol.asyncDispose]()
})

test('client setup', async () => {
  const other = new Daytona({
    apiKey: process.env.DAYTONA_API_KEY,
    serverUrl: process.env.DAYTONA_API_URL,
    otelEnabled: true,
  })
  assert.equal(typeof (await other.config()).version, 'string')
  await other[Symbol.asyncDispose]()
  const { DAYTONA_API_KEY: key } = process.env
  delete process.env.DAYTONA_API_KEY
  assert.throws(() => new Daytona(), libdaytona.DaytonaAuthenticationError)
  assert.throws(() => new Daytona({ jwtToken: 'x.y.z' }), libdaytona.DaytonaAuthenticationError)
  process.env.DAYTONA_API_KEY = key
  assert.throws(() => new Daytona({ colour: 'red' }), libdaytona.DaytonaInvalidArgumentError)
  assert.match(libdaytona.version, /^\d+\.\d+\.\d+$/)
})

test('sandbox lifecycle', async () => {
  assert.equal(sandbox.state, SandboxState.STARTED)
  const box = await daytona.create({ name: `box-${process.pid}`, autoStopInterval: 30 }, { timeout: 60 })
  // A list goes on from a page too, by pages or, in an order that those do not know, by cursors.
  for (const sort of [undefined, 'createdAt']) {
    const names = []
    for await (const { name } of daytona.list({ page: 1, limit: 1, sort })) names.push(name)
    assert.ok(names.includes(box.name) && names.includes(sandbox.name), names.join())
  }
  assert.equal(box.autoStopInterval, 30)
  await box.stop()
  assert.equal(box.state, 'stopped')
  await box.waitUntilStopped(60)
  await daytona.start(box, 60)
  await box.waitUntilStarted()
  assert.equal(box.state, 'started')
  await box.resize({ cpu: 2, memory: 2 })
  assert.equal(box.cpu, 2)
  await box.waitForResizeComplete()
  await box.setAutostopInterval(5)
  await box.setAutoArchiveInterval(60)
  await box.setAutoDeleteInterval(-1)
  await box.refreshData()
  assert.deepEqual([box.autoStopInterval, box.autoArchiveInterval, box.autoDeleteInterval], [5, 60, -1])
  assert.deepEqual(await box.setLabels({ team: 'backend' }), { team: 'backend' })
  assert.equal((await daytona.find({ labels: { team: 'backend' } })).id, box.id)
  const found = await daytona.get(box.name)
  assert.equal(found.id, box.id)
  const listed = []
  for await (const item of daytona.list({ labels: { team: 'backend' }, limit: 1 })) listed.push(item)
  assert.deepEqual(
    listed.map((item) => item.id),
    [box.id],
  )
  assert.equal((await listed[0].process.executeCommand('echo listed')).result, 'listed\n')
  assert.equal((await daytona.listPage({ limit: 1 })).items.length, 1)
  await box.stop(60, true)
  await box.archive()
  await box.delete(60, true)
  await assert.rejects(daytona.get(box.id), libdaytona.DaytonaNotFoundError)
  await assert.rejects(daytona.get('no-such-sandbox'), (error) => {
    assert.ok(error instanceof libdaytona.DaytonaNotFoundError)
    return error.statusCode === 404 && error.sandboxId === undefined
  })
})

test('sandbox information', async () => {
  assert.match(await sandbox.getUserHomeDir(), /^\//)
  assert.match(await sandbox.getWorkDir(), /^\//)
  assert.match((await sandbox.getPreviewLink(3000)).url, /3000/)
  assert.match((await sandbox.getSignedPreviewUrl(3000, 60)).url, /^http/)
  assert.match(await sandbox.downloadUrl('a.txt'), /path=a\.txt/)
  const metrics = await sandbox.getMetricsLatest()
  assert.ok(metrics.timestamp instanceof Date && metrics.memTotal > 0)
  assert.ok(Array.isArray(await sandbox.getMetrics()))
  const access = await sandbox.createSshAccess(10)
  assert.equal((await sandbox.validateSshAccess(access.token)).valid, true)
  assert.equal(await sandbox.revokeSshAccess(access.token), undefined)
  await sandbox.updateEnv({ ADDED: 'yes' })
  assert.equal((await sandbox.process.executeCommand('echo $ADDED')).result, 'yes\n')
  await sandbox.refreshActivity()
})

test('commands', async () => {
  const done = await sandbox.process.executeCommand('echo "$A $STAGE"; pwd; exit 3', '/tmp', { A: 'é' }, 10)
  assert.deepEqual(done, { exitCode: 3, result: 'é test\n/tmp\n', artifacts: { stdout: 'é test\n/tmp\n' } })
  assert.equal((await sandbox.process.execute('pwd', { cwd: '/tmp' })).result, '/tmp\n')
  await assert.rejects(sandbox.process.executeCommand('sleep 60', undefined, undefined, 1), (error) => {
    assert.ok(error instanceof libdaytona.DaytonaProcessExecutionTimeoutError)
    return error instanceof libdaytona.DaytonaTimeoutError
  })
  const code = await sandbox.process.codeRun('import os, sys; print(os.environ["B"], sys.argv[1:])', {
    argv: ['x'],
    env: { B: '1' },
  })
  assert.deepEqual([code.exitCode, code.result, code.artifacts.charts], [0, "1 ['x']\n", []])
  const output = { stdout: '', stderr: '' }
  for await (const { channel, text } of sandbox.process.run('echo out; echo err >&2')) output[channel] += text
  assert.deepEqual(output, { stdout: 'out\n', stderr: 'err\n' })
  assert.equal((await sandbox.process.run('exit 4').result()).exitCode, 4)
  assert.equal((await sandbox.process.runAndCollect('echo out')).stdout, 'out\n')
})

test('a command that is left or cancelled is killed', async () => {
  const run = sandbox.process.run('echo started; exec sleep 600.25')
  for await (const { text } of run) if (text.includes('started')) break
  const controller = new AbortController()
  const other = sandbox.process.run('echo started; exec sleep 600.5', { signal: controller.signal })
  assert.equal((await other.read()).text, 'started\n')
  controller.abort()
  await assert.rejects(other.read(), libdaytona.DaytonaCancelledError)
  const gone = 'while pgrep -f "^sleep 600" >/dev/null; do sleep 0.05; done; echo gone'
  assert.equal((await sandbox.process.executeCommand(gone, undefined, undefined, 60)).result, 'gone\n')
})

test('sessions', async () => {
  const { process } = sandbox
  await process.createSession('build')
  await process.executeSessionCommand('build', { command: 'cd /tmp; export WORD=kept' })
  const done = await process.executeSessionCommand('build', { command: 'echo $WORD; pwd >&2' })
  assert.deepEqual([done.exitCode, done.stdout, done.stderr], [0, 'kept\n', '/tmp\n'])
  const later = await process.executeSessionCommand('build', { command: 'read x; echo got $x', runAsync: true })
  await process.sendSessionCommandInput('build', later.cmdId, 'typed')
  let [out, err] = ['', '']
  await process.getSessionCommandLogs(
    'build',
    later.cmdId,
    (text) => (out += text),
    (text) => (err += text),
  )
  assert.match(out, /got typed\n/)
  assert.equal((await process.getSessionCommandLogs('build', done.cmdId)).stdout, 'kept\n')
  assert.equal((await process.getSessionCommand('build', done.cmdId)).exitCode, 0)
  assert.ok((await process.listSessions()).some((session) => session.sessionId === 'build'))
  assert.equal((await process.getSession('build')).commands.length, 3)
  await process.deleteSession('build')
  await assert.rejects(process.getSession('build'), libdaytona.DaytonaNotFoundError)
})

test('terminals', async () => {
  let shown = ''
  let wake = () => {}
  const until = async (text) => {
    while (!shown.includes(text)) await new Promise((resolve) => (wake = resolve))
  }
  const onData = (data) => {
    shown += new TextDecoder().decode(data)
    wake()
  }
  const pty = await sandbox.process.createPty({ id: 'main', cols: 100, rows: 30, envs: { WORD: 'typed' }, onData })
  assert.ok(pty.isConnected())
  await pty.sendInput('echo $WORD-$(stty size)\n')
  await until('typed-30 100')
  await pty.resize(120, 40)
  assert.equal((await sandbox.process.getPtySessionInfo('main')).cols, 120)
  assert.deepEqual(
    (await sandbox.process.listPtySessions()).map((it) => it.id),
    ['main'],
  )
  await pty.disconnect()
  const again = await sandbox.process.connectPty('main', { onData })
  await again.sendInput(new TextEncoder().encode('exit 7\n'))
  const ended = await again.wait()
  assert.equal(ended.exitCode, 7)
  assert.equal(again.exitCode, 7)
  assert.ok(!again.isConnected())
  const killed = await sandbox.process.createPty({ id: 'other', onData: () => {} })
  await killed.kill()
  await killed.wait()
  await assert.rejects(sandbox.process.connectPty('nobody', { onData }), libdaytona.DaytonaNotFoundError)
  await assert.rejects(sandbox.process.createPty({ id: 'lost', cwd: '/nowhere', onData }), libdaytona.DaytonaError)
  assert.deepEqual(await sandbox.process.listPtySessions(), [])
})

test('a terminal as a stream', async () => {
  const pty = sandbox.pty.open('stream', { cols: 80, rows: 24 })
  assert.equal((await pty.opened()).id, 'stream')
  const duplex = pty.duplex()
  duplex.write('exit 5\n')
  duplex.resume()
  assert.equal((await pty.result()).exitCode, 5)
  // The end of what is typed is not the end of the terminal.
  const typed = sandbox.pty.open('typed')
  const input = Readable.from([Buffer.from('sleep 0.2; echo he""re; exit 6\n')])
  let shown = ''
  await pipeline(input, typed.duplex(), async (output) => {
    for await (const data of output) shown += data
  })
  assert.match(shown, /here/)
  assert.equal((await typed.result()).exitCode, 6)
})

test('files', async () => {
  const { fs } = sandbox
  const bytes = randomBytes(3_000_000)
  const path = join(local, 'up')
  writeFileSync(path, bytes)
  await fs.createFolder('dir', '755')
  await fs.uploadFile(bytes, 'dir/bytes')
  await fs.uploadFile(path, 'dir/local')
  const sent = []
  await fs.uploadFileStream(Readable.from([bytes.subarray(0, 99), bytes.subarray(99)]), 'dir/stream', {
    onProgress: (it) => sent.push(it),
  })
  assert.equal(sent.at(-1).bytesSent, bytes.length)
  await fs.uploadFileStream(new Blob([bytes]).stream(), 'dir/web')
  await fs.uploadFileStream(Readable.from(['ü€']), 'dir/one', { onProgress: (progress) => sent.push(progress) })
  assert.equal(sent.at(-1).bytesSent, 5)
  await fs.uploadFiles([
    { source: Buffer.from('one'), destination: 'dir/one' },
    { source: path, destination: 'dir/two' },
  ])
  for (const name of ['bytes', 'local', 'stream', 'web', 'two']) {
    assert.ok(bytes.equals(await fs.downloadFile(`dir/${name}`)), name)
  }
  await fs.downloadFile('dir/bytes', join(local, 'down'))
  assert.ok(bytes.equals(readFileSync(join(local, 'down'))))
  const pieces = []
  for await (const piece of await fs.downloadFileStream('dir/stream')) pieces.push(piece)
  assert.ok(bytes.equals(Buffer.concat(pieces)))
  const many = await fs.downloadFiles([
    { source: 'dir/one' },
    { source: 'dir/two', destination: join(local, 'two') },
    { source: 'dir/none' },
  ])
  assert.equal(many[0].result.toString(), 'one')
  assert.equal(many[1].result, join(local, 'two'))
  assert.equal(many[2].errorDetails.code, 'FILE_NOT_FOUND')
  assert.equal((await fs.listFiles('dir')).length, 6)
  assert.equal((await fs.getFileDetails('dir/one')).size, 3)
  await fs.setFilePermissions('dir/one', { mode: '600' })
  await fs.moveFiles('dir/one', 'dir/moved')
  assert.deepEqual((await fs.searchFiles('dir', 'mov*')).files.length, 1)
  assert.equal((await fs.findFiles('dir', 'one'))[0].content, 'one')
  assert.deepEqual(
    (await fs.replaceInFiles(['dir/moved'], 'one', 'two')).map((it) => it.success),
    [true],
  )
  assert.equal((await sandbox.files.read('dir/moved')).toString(), 'two')
  await fs.deleteFile('dir', true)
  await assert.rejects(fs.downloadFile('dir/moved'), libdaytona.DaytonaFileNotFoundError)
  await assert.rejects(fs.downloadFileStream('dir/moved'), libdaytona.DaytonaFileNotFoundError)
  const progress = []
  await sandbox.files.upload(path, 'again', { onProgress: (it) => progress.push(it) })
  assert.equal((await sandbox.files.download('again', join(local, 'again'))).bytes, bytes.length)
})

test('methods by the official names take a signal behind their arguments', async () => {
  const { fs } = sandbox
  const path = join(local, 'signalled')
  writeFileSync(path, 'text')
  await fs.uploadFile(path, 'signalled')
  const signal = AbortSignal.abort()
  for (const call of [
    () => fs.uploadFile(Buffer.from('other'), 'signalled', undefined, { signal }),
    () => fs.uploadFile(path, 'signalled', { signal }),
    () => fs.downloadFile('signalled', 10, { signal }),
    () => fs.downloadFile('signalled', path, undefined, { signal }),
    () => fs.downloadFileStream('signalled', 10, { signal }),
    () => fs.uploadFiles([{ source: Buffer.from('other'), destination: 'signalled' }], 10, { signal }),
    () => sandbox.process.connectPty('nobody', { onData: () => {}, signal }),
    () => daytona.snapshot.list({ limit: 1 }, { signal }),
  ]) {
    await assert.rejects(call, libdaytona.DaytonaCancelledError)
  }
  assert.match((await fs.downloadFiles([{ source: 'signalled' }], 10, { signal }))[0].error, /cancelled/)
  assert.equal((await fs.downloadFile('signalled')).toString(), 'text')
})

test('an error of a function that gets progress ends the transfer, and is its failure', async () => {
  const path = join(local, 'progress')
  writeFileSync(path, randomBytes(3_000_000))
  const onProgress = () => {
    throw new Error('mine')
  }
  await assert.rejects(sandbox.files.upload(path, 'progress', { onProgress }), /^Error: mine$/)
})

test('contents that are missing write no file', async () => {
  await sandbox.files.write('kept', 'text')
  for (const call of [
    () => sandbox.files.write('kept'),
    () => sandbox.files.write('kept', null),
    () => sandbox.fs.uploadFile(undefined, 'kept'),
  ]) {
    await assert.rejects(call, libdaytona.DaytonaInvalidArgumentError)
  }
  assert.equal((await sandbox.files.read('kept')).toString(), 'text')
  // Too much of them rejects as well, and does not throw.
  await sandbox.git.init('repo', false, 'main', 'more').then(assert.fail, (error) => assert.equal(error.status, 1))
})

test('git', async () => {
  const { git } = sandbox
  await git.init('repo', false, 'main')
  await sandbox.fs.uploadFile(Buffer.from('one'), 'repo/one.txt')
  assert.equal((await git.status('repo')).fileStatus.length, 1)
  await git.add('repo', ['.'])
  const { sha } = await git.commit('repo', 'First', 'Jo', 'jo@example.com')
  assert.match(sha, /^[0-9a-f]{40}$/)
  await git.commit('repo', 'Second', 'Jo', 'jo@example.com', true)
  await git.commit('repo', 'Third', 'Jo', 'jo@example.com', { allowEmpty: true, signal: new AbortController().signal })
  await git.createBranch('repo', 'topic')
  await git.checkoutBranch('repo', 'topic')
  assert.equal((await git.status('repo')).currentBranch, 'topic')
  await git.checkout('repo', 'main')
  assert.deepEqual((await git.branches('repo')).branches.sort(), ['main', 'topic'])
  await git.deleteBranch('repo', 'topic')
  await sandbox.process.executeCommand('git clone --bare repo bare.git')
  const home = await sandbox.getUserHomeDir()
  await git.clone(`${home}/bare.git`, 'copy', 'main')
  await git.clone(`${home}/bare.git`, 'other', { branch: 'main' })
  await git.pull('copy')
  await git.push('copy')
  assert.equal((await git.remotes('copy')).remotes[0].name, 'origin')
  assert.match(await git.remoteGet('copy', 'origin'), /bare\.git$/)
  await git.setConfig('user.name', 'Jo', 'local', 'repo')
  assert.equal(await git.getConfig('user.name', 'local', 'repo'), 'Jo')
  assert.equal(await git.getConfig('user.none', 'local', 'repo'), undefined)
  assert.equal((await git.history('repo')).length, 3)
  await assert.rejects(git.clone(`${home}/nothing.git`, 'none'), libdaytona.DaytonaError)
})

test('interpreter', async () => {
  const { codeInterpreter } = sandbox
  const seen = []
  const context = await codeInterpreter.createContext('/tmp')
  const options = { context, envs: { A: '1' }, timeout: 30, onStdout: (it) => seen.push(it.output) }
  await codeInterpreter.runCode('import os; x = 41; print(os.getcwd(), os.environ["A"])', options)
  assert.equal(seen.join(''), '/tmp 1\n')
  assert.equal((await codeInterpreter.runCode('print(x + 1)', { context })).stdout, '42\n')
  const errors = []
  const failed = await codeInterpreter.runCode('1/0', { onError: (error) => errors.push(error) })
  assert.equal(failed.error.name, 'ZeroDivisionError')
  assert.deepEqual(errors, [failed.error])
  assert.ok((await codeInterpreter.listContexts()).some((it) => it.id === context.id))
  await codeInterpreter.deleteContext(context)
  assert.equal((await sandbox.interpreter.runAndCollect('print(1)')).stdout, '1\n')
  await assert.rejects(codeInterpreter.runCode('while True: pass', { timeout: 1 }), libdaytona.DaytonaTimeoutError)
  await assert.rejects(codeInterpreter.runCode('1', { context: 'nobody' }), libdaytona.DaytonaNotFoundError)
})

test('images', async () => {
  writeFileSync(join(local, 'requirements.txt'), 'numpy\n')
  const image = Image.debianSlim('3.12')
    .pipInstall(['pandas', 'numpy'], { indexUrl: 'https://index.example' })
    .pipInstallFromRequirements(join(local, 'requirements.txt'))
    .addLocalFile(join(local, 'requirements.txt'), '/app/requirements.txt')
    .runCommands('echo one', ['echo', 'two'])
    .env({ A: 'b' })
    .workdir('/app')
    .entrypoint(['python'])
    .cmd(['-m', 'app'])
  assert.match(image.dockerfile, /^FROM python:3\.12.*\n[^]*RUN python -m pip install numpy pandas[^]*WORKDIR \/app/)
  assert.equal(image.contextList.length, 2)
  assert.equal(await daytona.image.dockerfile(image), image.dockerfile)
  writeFileSync(join(local, 'Dockerfile'), 'FROM alpine\n')
  assert.equal(Image.fromDockerfile(join(local, 'Dockerfile')).dockerfile.trim(), 'FROM alpine')
  assert.throws(() => Image.fromDockerfile(join(local, 'None')), libdaytona.DaytonaNotFoundError)
  const built = Image.base('debian:12').runCommands('echo built')
  const lines = []
  const box = await daytona.create({ image: built }, { onSnapshotCreateLogs: (line) => lines.push(line) })
  assert.match(lines.join('\n'), /\nbuilt\n/)
  await box.delete()
  const name = `logs-${process.pid}`
  const snapshot = await daytona.snapshot.create({ name, image: built }, { onLogs: (line) => lines.push(name + line) })
  assert.ok(lines.at(-1).startsWith(name))
  await daytona.snapshot.delete(snapshot)
})

test('volumes, snapshots, secrets', async () => {
  const name = `v-${process.pid}`
  const volume = await daytona.volume.get(name, true)
  assert.equal(volume.state, 'ready')
  assert.ok((await daytona.volume.list()).some((it) => it.id === volume.id))
  await daytona.volume.delete(volume)
  await assert.rejects(daytona.volume.get('none'), libdaytona.DaytonaNotFoundError)
  const page = await daytona.snapshot.list(1, 5)
  assert.ok(page.items.length > 0)
  assert.deepEqual((await daytona.snapshot.list({ page: 1, limit: 5 })).items.length, page.items.length)
  assert.equal((await daytona.snapshot.get(page.items[0].name)).id, page.items[0].id)
  const secret = await daytona.secret.create({ name: `S${process.pid}`, value: 'hidden', description: 'one' })
  assert.equal((await daytona.secret.update(secret.id, { description: 'two' })).description, 'two')
  assert.ok((await daytona.secret.list({ limit: 10 })).items.some((it) => it.id === secret.id))
  await daytona.secret.delete(secret.id)
  assert.ok((await daytona.region.list()).length > 0)
})

test('a language server', async () => {
  const project = `${await sandbox.getUserHomeDir()}/project`
  const lsp = await sandbox.createLspServer('python', project)
  await sandbox.fs.uploadFile(Buffer.from('import os\nos.pat\n\ndef greet():\n    pass\n'), `${project}/main.py`)
  await lsp.start()
  await lsp.didOpen(`${project}/main.py`)
  const { items } = await lsp.completions(`${project}/main.py`, { line: 1, character: 6 })
  assert.ok(items.some((item) => item.label.startsWith('path')))
  assert.ok((await lsp.documentSymbols(`${project}/main.py`)).some((symbol) => symbol.name === 'greet'))
  await lsp.didClose(`${project}/main.py`)
  await lsp.stop()
})

test("a sandbox's labels are those that were set", async () => {
  assert.deepEqual(await sandbox.setLabels({ a: 'b' }), { a: 'b' })
  assert.deepEqual(sandbox.labels, { a: 'b' })
})

test('a command in a session is asynchronous by either name', async () => {
  await sandbox.process.createSession('either')
  const { cmdId } = await sandbox.process.executeSessionCommand('either', { command: 'sleep 600', async: true })
  assert.equal(typeof cmdId, 'string')
  await sandbox.process.deleteSession('either')
})

test('many downloads at once take no pipes of their own', async () => {
  const descriptors = () => readdirSync('/proc/self/fd').length
  const before = descriptors()
  const done = sandbox.fs.downloadFiles(Array.from({ length: 300 }, () => ({ source: '/etc/hostname' })))
  assert.ok(descriptors() - before < 200)
  for (const { result } of await done) assert.ok(Buffer.isBuffer(result))
})

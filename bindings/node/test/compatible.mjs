// One program for the official package and for this one: `node compatible.mjs PACKAGE`. What it prints is the same.

const { default: module, ...names } = await import(process.argv[2])
const { Daytona, Image, SandboxState, DaytonaError, DaytonaNotFoundError, CodeLanguage } = { ...module, ...names }

const say = (label, value) =>
  console.log(
    label,
    JSON.stringify(value, (_, it) => (typeof it === 'number' && it > 1e9 ? 'large' : it)),
  )
const caught = async (label, call) => {
  const error = await call().catch((it) => it)
  say(label, [
    error.constructor.name,
    error instanceof DaytonaError,
    error.statusCode,
    error.code,
    error.source,
    error.errorCode,
  ])
}

const daytona = new Daytona({ apiUrl: process.env.DAYTONA_API_URL, apiKey: process.env.DAYTONA_API_KEY })
const sandbox = await daytona.create(
  { language: CodeLanguage.PYTHON, envVars: { STAGE: 'test' }, labels: { a: 'b' }, autoStopInterval: 7 },
  { timeout: 60 },
)
try {
  say('state', sandbox.state === SandboxState.STARTED)
  say('fields', [sandbox.labels.a, sandbox.autoStopInterval, sandbox.public, sandbox.cpu, sandbox.target, sandbox.user])
  say('home', await sandbox.getUserHomeDir())
  say('work', await sandbox.getWorkDir())
  say('execute', await sandbox.process.executeCommand('echo "$A $STAGE"; pwd', '/tmp', { A: 'é' }, 10))
  say('fails', await sandbox.process.executeCommand('exit 3'))
  say('code', await sandbox.process.codeRun('print(6 * 7)'))
  await caught('killed', () => sandbox.process.executeCommand('sleep 60', undefined, undefined, 1))
  say('create session', await sandbox.process.createSession('s'))
  const run = await sandbox.process.executeSessionCommand('s', { command: 'echo out; echo err >&2' })
  say('session', [run.exitCode, run.stdout, run.stderr])
  const logs = await sandbox.process.getSessionCommandLogs('s', run.cmdId)
  say('logs', [logs.stdout, logs.stderr])
  let [out, err] = ['', '']
  await sandbox.process.getSessionCommandLogs(
    's',
    run.cmdId,
    (text) => (out += text),
    (text) => (err += text),
  )
  say('followed', [out, err])
  say(
    'sessions',
    (await sandbox.process.listSessions()).map((it) => [it.sessionId, it.commands.length]),
  )
  say('delete session', await sandbox.process.deleteSession('s'))
  await caught('no session', () => sandbox.process.getSession('s'))
  let shown = ''
  const pty = await sandbox.process.createPty({
    id: 'p',
    cols: 100,
    rows: 30,
    onData: (data) => (shown += new TextDecoder().decode(data)),
  })
  await pty.waitForConnection()
  await pty.sendInput('stty size; exit 7\n')
  say('pty', (await pty.wait()).exitCode)
  say('shown', shown.includes('30 100'))
  say('folder', (await sandbox.fs.createFolder('d', '755')) || undefined)
  say('upload', await sandbox.fs.uploadFile(Buffer.from('one'), 'd/one'))
  say('download', (await sandbox.fs.downloadFile('d/one')).toString())
  say(
    'files',
    (await sandbox.fs.listFiles('d')).map((it) => [it.name, it.size, it.isDir]),
  )
  say('find', await sandbox.fs.findFiles('d', 'one'))
  say(
    'replace',
    (await sandbox.fs.replaceInFiles(['d/one'], 'one', 'two')).map((it) => it.success),
  )
  say('permissions', (await sandbox.fs.setFilePermissions('d/one', { mode: '600' })) || undefined)
  say('move', (await sandbox.fs.moveFiles('d/one', 'd/two')) || undefined)
  const many = await sandbox.fs.downloadFiles([{ source: 'd/two' }, { source: 'd/none' }])
  say(
    'many',
    many.map((it) => [it.source, it.result?.toString(), it.errorDetails?.code]),
  )
  await caught('no file', () => sandbox.fs.getFileDetails('d/none'))
  say('delete', (await sandbox.fs.deleteFile('d', true)) || undefined)
  say('init', await sandbox.git.init('r', false, 'main'))
  await sandbox.fs.uploadFile(Buffer.from('one'), 'r/one')
  say('add', await sandbox.git.add('r', ['.']))
  say('commit', Object.keys(await sandbox.git.commit('r', 'First', 'Jo', 'jo@example.com')).includes('sha'))
  say('status', await sandbox.git.status('r'))
  say('branch', await sandbox.git.createBranch('r', 'topic'))
  say('branches', (await sandbox.git.branches('r')).branches.sort())
  const code = await sandbox.codeInterpreter.runCode('print(1)\n1/0', { onStdout: (it) => say('stdout', it) })
  say('interpreter', [code.stdout, code.error.name, code.error.value])
  say('labels', await sandbox.setLabels({ c: 'd' }))
  say('interval', [await sandbox.setAutostopInterval(5), sandbox.autoStopInterval])
  const listed = []
  for await (const item of daytona.list({ labels: { c: 'd' } })) listed.push(item.id === sandbox.id)
  say('list', listed)
  say('get', (await daytona.get(sandbox.id)).name === sandbox.name)
  say('stop', [await sandbox.stop(), sandbox.state])
  say('start', [await daytona.start(sandbox), sandbox.state])
  await caught('no sandbox', () => daytona.get('none'))
  say('instance', (await daytona.get('none').catch((it) => it)) instanceof DaytonaNotFoundError)
  const image = Image.base('python:3.12')
    .pipInstall(['b', 'a'], { pre: true })
    .runCommands('echo "1"', ['a', 'b c'])
    .env({ A: "it's" })
    .workdir('/w')
    .cmd(['x'])
  say('image', image.dockerfile)
} finally {
  say('deleted', await sandbox.delete())
}
await daytona[Symbol.asyncDispose]()

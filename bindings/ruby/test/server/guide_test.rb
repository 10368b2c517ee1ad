# frozen_string_literal: true

require_relative '../helper'

# The guide of the Go SDK, topic by topic, by the names of the official gem, against a server:
# `daytona-dev run -- ruby -Ilib test/server/guide_test.rb`.
class GuideTest < Minitest::Test
  include Daytona

  def self.daytona = @daytona ||= ::Daytona::Daytona.new

  def self.sandbox
    @sandbox ||= begin
      params = CreateSandboxFromSnapshotParams.new(language: 'python', labels: { 'env' => 'dev' },
                                                   env_vars: { 'STAGE' => 'test' })
      daytona.create(params).tap { |made| Minitest.after_run { made.delete } }
    end
  end

  def daytona = self.class.daytona

  def sandbox = self.class.sandbox

  def setup
    @local = Dir.mktmpdir('daytona-')
  end

  def teardown
    FileUtils.rm_r(@local)
  end

  def test_client_setup
    given = { api_key: ENV.fetch('DAYTONA_API_KEY'), api_url: ENV.fetch('DAYTONA_API_URL') }
    ::Daytona::Daytona.open(Config.new(**given, otel_enabled: true)) do |other|
      assert_kind_of String, other.server_config.version
      assert_equal given[:api_key], other.config.api_key
    end
    key = ENV.delete('DAYTONA_API_KEY')
    assert_raises(Sdk::ConfigurationError) { ::Daytona::Daytona.new }
    assert_raises(Sdk::ConfigurationError) { ::Daytona::Daytona.new(jwt_token: 'x.y.z') }
    ENV['DAYTONA_API_KEY'] = key
    assert_raises(Sdk::InvalidArgumentError) { ::Daytona::Daytona.new(colour: 'red') }
    assert_match(/\A\d+\.\d+\.\d+\z/, ::Daytona.library_version)
  ensure
    ENV['DAYTONA_API_KEY'] ||= key
  end

  def test_sandbox_lifecycle
    assert_equal SandboxState::STARTED, sandbox.state
    box = daytona.create({ name: "box-#{::Process.pid}", auto_stop_interval: 30 })
    assert_equal 30, box.auto_stop_interval
    box.stop
    assert_equal 'stopped', box.state
    box.wait_for_sandbox_stop(60)
    daytona.start(box, 60)
    box.wait_for_sandbox_start
    assert_equal 'started', box.state
    box.labels = { 'team' => 'a' }
    assert_equal({ 'team' => 'a' }, box.labels)
    assert_equal box.id, daytona.find(labels: { team: 'a' }).id
    box.auto_archive_interval = 60
    box.auto_delete_interval = -1
    assert_equal [60, -1], [box.auto_archive_interval, box.auto_delete_interval]
    box.refresh_activity
    same = daytona.get(box.name)
    assert_equal box.id, same.id
    assert_equal box.id, daytona.attach(box.id).refresh.id
    box.archive if box.stop.state == 'stopped'
    box.delete(60, wait: true)
    assert_raises(Sdk::NotFoundError) { daytona.get(box.id) }
    assert_raises(Sdk::NoMatchError) { daytona.find(name: 'nobody') }
    assert_raises(Sdk::InvalidArgumentError) { daytona.create({ colour: 'red' }) }
  end

  def test_lists_go_over_all_pages
    boxes = Array.new(2) { daytona.create({ labels: { list: 'yes', 'code-toolbox-language': 'typescript' } }) }
    assert_equal %w[typescript typescript], (boxes.map { |box| box.labels['code-toolbox-language'] })
    boxes << daytona.create({ image: 'debian:12', env_vars: { 'A' => 'b' }, labels: { list: 'yes' } })
    assert_equal({ 'A' => 'b' }, boxes[2].env)
    query = ListSandboxesQuery.new(limit: 2, labels: { 'list' => 'yes' }, sort: SandboxListSortField::CREATED_AT,
                                   order: SandboxListSortDirection::DESC)
    assert_equal boxes.map(&:id).sort, daytona.list(query).map(&:id).sort
    keywords = { labels: { list: 'yes' }, targets: [boxes[0].target], min_memory_gib: 1,
                 created_at_after: Time.now - 600 }
    assert_equal boxes.map(&:id).sort, daytona.list(keywords).map(&:id).sort
    assert_equal 'hi', daytona.list(query).first.process.exec(command: 'echo hi').result.chomp
    assert_operator daytona.list_page(limit: 1).items.size, :==, 1
  ensure
    boxes&.each { |box| daytona.delete(box) }
  end

  def test_commands
    response = sandbox.process.exec(command: 'echo $A $STAGE; pwd', cwd: '/tmp', env: { 'A' => 'é' }, timeout: 10)
    assert_equal [0, "é test\n/tmp\n"], [response.exit_code, response.result]
    assert_equal response.result, response.artifacts.stdout
    assert_equal 3, sandbox.process.exec(command: 'exit 3').exit_code
    assert_raises(Sdk::TimeoutError) { sandbox.process.exec(command: 'sleep 60', timeout: 1) }
    code = sandbox.process.code_run(code: 'import sys, os; print(sys.argv[1:], os.environ["A"])',
                                    params: CodeRunParams.new(argv: %w[a b], env: { 'A' => '1' }))
    assert_equal "['a', 'b'] 1\n", code.result
    assert_empty code.artifacts.charts
    parts = Hash.new { |all, name| all[name] = String.new }
    ended = sandbox.process.run('echo out; echo err >&2; exit 4') { |chunk| parts[chunk.channel] << chunk.data }
    assert_equal [4, "out\n", "err\n"], [ended.exit_code, parts[:stdout], parts[:stderr]]
    assert_equal "ab\n", sandbox.process.run('echo ab').map(&:text).join
    assert_equal "in\n", sandbox.process.run_and_collect('cat', stdin: "in\n").stdout
    assert_raises(Timeout::Error) { Timeout.timeout(0.2) { sandbox.process.run('sleep 600') { nil } } }
  end

  def test_what_a_block_of_a_begun_call_does_is_its_own
    local = File.join(@local, 'local').tap { |path| File.binwrite(path, 'x' * 100_000) }
    upload = lambda do |&block|
      sandbox.start_call('files.upload', { localPath: local, remotePath: 'begun.bin' }, &block)
    end
    other = nil
    first = upload.call { other ||= sandbox.start_call('files.list', { path: '.' }).value }
    Timeout.timeout(60) { first.value }
    assert_kind_of Array, other
    raises = upload.call { raise IOError, 'mine' }
    last = sandbox.start_call('process.execute', { command: 'sleep 0.5; echo on' })
    assert_equal "on\n", last.value['result']
    assert_raises(IOError) { raises.value }
  end

  def test_sessions
    process = sandbox.process
    process.create_session('build')
    first = process.execute_session_command(session_id: 'build', req: SessionExecuteRequest.new(command: 'export A=1'))
    assert_equal 0, first.exit_code
    done = process.execute_session_command(session_id: 'build', req: SessionExecuteRequest.new(command: 'echo $A'))
    assert_equal "1\n", done.stdout
    run = process.execute_session_command(
      session_id: 'build', req: SessionExecuteRequest.new(command: 'read a; echo $a; echo e >&2', run_async: true)
    )
    process.send_session_command_input(session_id: 'build', command_id: run.cmd_id, data: "typed\n")
    out = String.new
    err = String.new
    process.get_session_command_logs_async(session_id: 'build', command_id: run.cmd_id,
                                           on_stdout: ->(text) { out << text }, on_stderr: ->(text) { err << text })
    assert_includes out, "typed\n"
    assert_includes err, "e\n"
    logs = process.get_session_command_logs(session_id: 'build', command_id: done.cmd_id)
    assert_equal "1\n", logs.stdout
    assert_equal 0, process.get_session_command(session_id: 'build', command_id: done.cmd_id).exit_code
    assert_includes process.list_sessions.map(&:session_id), 'build'
    assert_equal 3, process.get_session('build').commands.size
    process.delete_session('build')
    assert_raises(Sdk::NotFoundError) { process.get_session('build') }
  end

  def test_terminals
    pty = sandbox.process.create_pty_session(id: 'main', envs: { 'WORD' => 'typed' },
                                             pty_size: PtySize.new(cols: 100, rows: 30))
    assert_predicate pty, :connected?
    pty.send_input("echo $WORD-$(stty size)\n")
    shown = +''
    pty.each { |data| break if (shown << data).include?('typed-30 100') }
    pty.resize(PtySize.new(cols: 120, rows: 40))
    assert_equal 120, sandbox.process.get_pty_session_info('main').cols
    assert_includes sandbox.process.list_pty_sessions.map(&:id), 'main'
    pty.disconnect
    again = sandbox.process.connect_pty_session('main')
    assert_nil again.wait(timeout: 0.01).exit_code
    assert_raises(Sdk::NotFoundError) { again.send_input("\n") && again.wait { sandbox.fs.get_file_info('nowhere') } }
    assert_predicate again, :connected?
    again.send_input("echo typed-$((1 + 1))\n")
    shown = +''
    Timeout.timeout(60) { again.wait(timeout: 0) { |text| shown << text } until shown.include?('typed-2') }
    again.send_input("exit 7\n")
    assert_equal 7, again.wait.exit_code
    assert_equal 7, again.exit_code
    refute_predicate again, :connected?
    killed = sandbox.process.create_pty_session(id: 'other', pty_size: { cols: 90, rows: 20 })
    assert_equal 90, sandbox.process.get_pty_session_info('other').cols
    killed.kill
    assert killed.wait
    assert_raises(Sdk::NotFoundError) { sandbox.process.connect_pty_session('nobody') }
    assert_raises(Sdk::Error) { sandbox.process.create_pty_session(id: 'lost', cwd: '/nowhere') }
    assert_empty sandbox.process.list_pty_sessions
    stream = sandbox.pty.open('stream', cols: 80, rows: 24)
    assert_equal 'stream', stream.opened.id
    stream.write("exit 5\n")
    assert_equal 5, stream.result.exit_code
  end

  def test_files
    bytes = Random.bytes(3_000_000)
    path = File.join(@local, 'up')
    File.binwrite(path, bytes)
    fs = sandbox.fs
    fs.create_folder('dir', '755')
    fs.upload_file('text'.encode('UTF-16LE'), 'wide')
    assert_equal "t\0e\0x\0t\0", fs.download_file('wide').read
    fs.upload_file(path, 'dir/local')
    told = Hash.new { |all, name| all[name] = [] }
    Timeout.timeout(60) { fs.upload_file(Pathname(path), 'dir/pathname') { |it| told[:pathname] << it.bytes } }
    File.open(path, 'rb') { |file| fs.upload_file(file, 'dir/io') { |it| told[:io] << it.bytes } }
    fs.upload_file(bytes, 'dir/bytes') { |it| told[:bytes] << it.bytes }
    fs.download_file('dir/pathname') { |it| told[:down] << it.total }
    fs.delete_file('dir/pathname')
    assert_equal([[*%i[pathname io bytes down]], [bytes.bytesize]], [told.keys, told.values.map(&:last).uniq])
    sent = []
    fs.upload_file_stream(StringIO.new(bytes), 'dir/stream', on_progress: ->(it) { sent << it.bytes_sent })
    assert_equal bytes.bytesize, sent.last
    fs.upload_files([FileUpload.new('one', 'dir/one'), FileUpload.new(path, 'dir/two')])
    %w[bytes local io stream two].each { |name| assert_equal bytes, fs.download_file("dir/#{name}").read, name }
    fs.download_file('dir/bytes', File.join(@local, 'new/down'))
    assert_equal bytes, File.binread(File.join(@local, 'new/down'))
    seen = []
    pieces = []
    fs.download_file_stream('dir/stream', on_progress: ->(it) { seen << it }) { |piece| pieces << piece }
    assert_equal bytes, pieces.join
    assert_equal [bytes.bytesize] * 2, [seen.last.bytes_received, seen.last.total_bytes]
    assert_equal bytes, fs.download_file_stream('dir/stream').to_a.join
    assert_equal 6, fs.list_files('dir').size
    assert_equal 3, fs.get_file_info('dir/one').size
    fs.set_file_permissions(path: 'dir/one', mode: '600')
    fs.move_files('dir/one', 'dir/moved')
    assert_equal 1, fs.search_files('dir', 'mov*').files.size
    assert_equal 'one', fs.find_files('dir', 'one').first.content
    assert_equal [true], fs.replace_in_files(files: ['dir/moved'], pattern: 'one', new_value: 'two').map(&:success)
    assert_equal 'two', sandbox.files.read('dir/moved')
    fs.delete_file('dir', recursive: true)
    assert_raises(Sdk::FileNotFoundError) { fs.download_file('dir/moved') }
    assert_raises(Sdk::FileNotFoundError) { fs.download_file_stream('dir/moved') { nil } }
    progress = []
    assert_equal bytes.bytesize, sandbox.files.upload(path, 'again') { |it| progress << it.bytes }.bytes
    assert_equal bytes.bytesize, progress.last
    assert_raises(ZeroDivisionError) { sandbox.files.upload(path, 'never') { 1 / 0 } }
    FileUtils.mkdir_p(File.join(@local, 'tree'))
    File.write(File.join(@local, 'tree/a'), 'a')
    assert_equal ['a'], sandbox.files.sync_up(File.join(@local, 'tree'), 'tree').created
  end

  def test_git
    git = sandbox.git
    git.init('repo', initial_branch: 'main')
    sandbox.fs.upload_file('one', 'repo/one.txt')
    assert_equal 1, git.status('repo').file_status.size
    git.add('repo', ['.'])
    commit = git.commit(path: 'repo', message: 'First', author: 'Jo', email: 'jo@example.com')
    assert_match(/\A\h{40}\z/, commit.sha)
    git.commit(path: 'repo', message: 'Second', author: 'Jo', email: 'jo@example.com', allow_empty: true)
    git.create_branch('repo', 'topic')
    git.checkout_branch('repo', 'topic')
    assert_equal 'topic', git.status('repo').current_branch
    git.checkout('repo', 'main')
    assert_equal %w[main topic], git.branches('repo').branches.sort
    git.delete_branch('repo', 'topic')
    sandbox.process.exec(command: 'git clone --bare repo bare.git')
    home = sandbox.get_user_home_dir
    git.clone(url: "#{home}/bare.git", path: 'copy', branch: 'main')
    git.pull(path: 'copy')
    git.push(path: 'copy')
    assert_equal 'origin', git.remotes('copy').remotes.first.name
    assert_match(/bare\.git\z/, git.remote_get('copy', 'origin'))
    assert_nil git.remote_get('copy', 'nobody')
    git.set_config('user.name', 'Jo', scope: 'local', path: 'repo')
    assert_equal 'Jo', git.get_config('user.name', scope: 'local', path: 'repo')
    assert_nil git.get_config('user.none', scope: 'local', path: 'repo')
    assert_equal 2, git.history('repo').size
    assert_raises(Sdk::Error) { git.clone(url: "#{home}/nothing.git", path: 'none') }
  end

  def test_interpreter
    interpreter = sandbox.code_interpreter
    seen = []
    context = interpreter.create_context(cwd: '/tmp')
    code = 'import os; x = 41; print(os.getcwd(), os.environ["A"])'
    on_stdout = ->(it) { seen << it.output }
    interpreter.run_code(code, context:, envs: { 'A' => '1' }, timeout: 30, on_stdout:)
    assert_equal "/tmp 1\n", seen.join
    assert_equal "42\n", interpreter.run_code('print(x + 1)', context:).stdout
    errors = []
    failed = interpreter.run_code('1/0', on_error: ->(error) { errors << error })
    assert_equal 'ZeroDivisionError', failed.error.name
    assert_equal [failed.error], errors
    assert_includes interpreter.list_contexts.map(&:id), context.id
    interpreter.delete_context(context)
    assert_equal "1\n", sandbox.interpreter.run_and_collect('print(1)').stdout
    assert_raises(Sdk::TimeoutError) { interpreter.run_code('while True: pass', timeout: 1) }
  end

  def test_images
    requirements = File.join(@local, 'requirements.txt')
    File.write(requirements, "numpy\n")
    image = Image.debian_slim('3.12').pip_install(%w[pandas numpy], index_url: 'https://index.example')
                 .pip_install_from_requirements(requirements).add_local_file(requirements, '/app/requirements.txt')
                 .run_commands('echo one', %w[echo two]).env({ 'A' => 'b' }).workdir('/app').entrypoint(['python'])
                 .cmd(['-m', 'app'])
    assert_match(/\AFROM python:3\.12.*\n.*pip install.*numpy pandas.*WORKDIR \/app/m, image.dockerfile)
    assert_equal 2, image.context_list.size
    assert_equal image.dockerfile, daytona.image.dockerfile(image)
    File.write(File.join(@local, 'Dockerfile'), "FROM alpine\n")
    assert_equal 'FROM alpine', Image.from_dockerfile(File.join(@local, 'Dockerfile')).dockerfile.strip
    assert_raises(Sdk::NotFoundError) { Image.from_dockerfile(File.join(@local, 'None')) }
    lines = []
    box = daytona.create(CreateSandboxFromImageParams.new(image: Image.base('debian:12').run_commands('echo built')),
                         on_snapshot_create_logs: ->(text) { lines << text })
    assert_equal 'started', box.state
    refute_empty lines.join
    box.delete
  end

  def test_volumes_snapshots_secrets
    name = "v-#{::Process.pid}"
    volume = daytona.volume.get(name, create: true)
    assert_equal 'ready', volume.state
    assert_includes daytona.volume.list.map(&:id), volume.id
    mount = DaytonaApiClient::SandboxVolume.new(volume_id: volume.id, mount_path: '/home/daytona/volume')
    box = daytona.create(CreateSandboxFromSnapshotParams.new(volumes: [mount]))
    assert_equal volume.id, box.volumes.first['volumeId'] || box.volumes.first[:volumeId]
    box.delete(60, wait: true)
    daytona.volume.delete(volume)
    assert_raises(Sdk::NotFoundError) { daytona.volume.get('none') }
    page = daytona.snapshot.list(page: 1, limit: 5)
    refute_empty page.items
    assert_kind_of Time, page.items.first.created_at
    assert_equal page.items.first.id, daytona.snapshot.get(page.items.first.name).id
    secret = daytona.secret.create("S#{::Process.pid}", 'hidden', description: 'one')
    assert_equal 'two', daytona.secret.update(secret.id, description: 'two').description
    assert_includes daytona.secret.list(limit: 10).items.map(&:id), secret.id
    box = daytona.create(CreateSandboxFromSnapshotParams.new(secrets: { 'KEY' => secret.name }))
    assert_equal secret.placeholder, box.process.exec(command: 'echo $KEY').result.strip
    box.update_secrets({ 'OTHER' => secret.name })
    box.delete
    daytona.secret.delete(secret.id)
    refute_empty daytona.region.list
    pool = daytona.warm_pool.create(page.items.first.name, 1)
    assert_equal 2, daytona.warm_pool.update(pool.id, 2).pool
    assert_includes daytona.warm_pool.list.map(&:id), pool.id
    daytona.warm_pool.delete(pool.id)
  end

  def test_snapshots_are_made_of_images
    lines = []
    name = "made-#{::Process.pid}:1"
    made = daytona.snapshot.create(
      CreateSnapshotParams.new(name:, image: Image.base('debian:12').run_commands('echo built'),
                               resources: Resources.new(cpu: 1, memory: 1, disk: 3)),
      on_logs: ->(text) { lines << text }
    )
    assert_equal [name, 'active'], [made.name, made.state]
    refute_empty lines.join
    other = CreateSnapshotParams.new(name: 'other', image: 'debian:12', sandbox_class: 'small')
    assert_raises(Sdk::InvalidArgumentError) { daytona.snapshot.create(other) }
    daytona.snapshot.deactivate(made.id)
    assert_equal made.id, daytona.snapshot.activate(daytona.snapshot.get(name)).id
    daytona.snapshot.delete(made)
    assert_raises(Sdk::NotFoundError) { daytona.snapshot.get(name) }
  end

  def test_previews_access_and_metrics
    assert_kind_of String, sandbox.preview_url(3000).url
    signed = sandbox.create_signed_preview_url(3000, 60)
    sandbox.expire_signed_preview_url(3000, signed.token)
    access = sandbox.create_ssh_access(10)
    assert sandbox.validate_ssh_access(access.token).valid
    assert_kind_of Time, access.expires_at
    sandbox.revoke_ssh_access(access.token)
    assert_match(/\Ahttp/, sandbox.download_url('/tmp/x', ttl_seconds: 60))
    sandbox.update_env(env: { 'ADDED' => 'yes' })
    assert_equal 'yes', sandbox.process.exec(command: 'echo $ADDED').result.strip
    assert_operator sandbox.get_metrics_latest.mem_total, :>, 0
    assert_kind_of Array, sandbox.get_metrics(Time.now - 60)
    assert_kind_of String, sandbox.get_work_dir
    sandbox.update_network_settings(network_block_all: false)
  end

  def test_a_language_server
    project = "#{sandbox.get_user_home_dir}/project"
    lsp = sandbox.create_lsp_server(language_id: LspServer::Language::PYTHON, path_to_project: project)
    sandbox.fs.upload_file("import os\nos.pat\n\ndef greet():\n    pass\n", "#{project}/main.py")
    lsp.start
    lsp.did_open("#{project}/main.py")
    position = LspServer::Position.new(line: 1, character: 6)
    items = lsp.completions(path: "#{project}/main.py", position:).items
    assert(items.any? { |item| item.label.start_with?('path') })
    assert_includes lsp.document_symbols("#{project}/main.py").map(&:name), 'greet'
    lsp.did_close("#{project}/main.py")
    lsp.stop
  end

  def test_a_desktop
    desktop = sandbox.computer_use
    desktop.start
    assert_equal 'active', desktop.status.status
    desktop.mouse.move(x: 10, y: 20)
    assert_equal [10, 20], [desktop.mouse.position.x, desktop.mouse.position.y]
    desktop.keyboard.type(text: 'a')
    region = ComputerUse::ScreenshotRegion.new(x: 0, y: 0, width: 20, height: 10)
    refute_empty desktop.screenshot.take_region(region:).screenshot
    options = ComputerUse::ScreenshotOptions.new(quality: 50)
    options.fmt = 'jpeg'
    refute_empty desktop.screenshot.take_compressed(options:).screenshot
    refute_empty desktop.display.info.displays
    assert desktop.get_process_status(process_name: 'xvfb').running
    assert_equal [], desktop.recording.list.recordings
    desktop.stop
  end
end

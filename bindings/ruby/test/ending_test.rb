# frozen_string_literal: true

require_relative 'helper'

# How calls, clients and processes end, and which library they load.
class EndingTest < EchoTest
  def test_a_timeout_cancels_a_call
    assert_raises(Timeout::Error) { Timeout.timeout(0.02) { @echo.delay(600_000) } }
    assert_equal({}, @echo.value)
  end

  def test_a_timeout_closes_a_terminal_and_a_download_that_have_not_begun
    GC.disable # The streams, which nobody has any more, are looked at.
    server = TCPServer.new('127.0.0.1', 0)
    Daytona::Daytona.open(api_key: 'k', api_url: "http://127.0.0.1:#{server.addr[1]}") do |daytona|
      box = daytona.attach('box')
      [-> { box.process.connect_pty_session('a') }, -> { box.fs.download_file_stream('a') { nil } }].each do |begun|
        thread = Thread.new(&begun)
        thread.report_on_exception = false
        _connection = server.accept # It has begun by now.
        thread.raise(Timeout::Error)
        assert_raises(Timeout::Error) { thread.value }
      end
      all = ObjectSpace.each_object(Daytona::Stream).select { |one| one.instance_variable_get(:@owner).equal?(box) }
      assert_equal [true, true], all.map(&:closed?)
    end
  ensure
    GC.enable
    server&.close
  end

  def test_a_killed_thread_cancels_its_call
    thread = Thread.new { @echo.delay(600_000) }
    Thread.pass until thread.stop?
    thread.kill
    assert thread.join(60)
    assert_equal({}, @echo.value)
  end

  def test_an_exception_for_a_thread_ends_its_call
    thread = Thread.new do
      Thread.current.report_on_exception = false
      @echo.delay(600_000)
    end
    Thread.pass until thread.stop?
    thread.raise(Interrupt)
    assert_raises(Interrupt) { thread.value }
  end

  def test_a_call_that_was_begun_is_cancelled
    call = @echo.start_call('echo.delay', { ms: 600_000 })
    refute_predicate call, :done?
    call.cancel
    assert_raises(Daytona::Sdk::CancelledError) { call.value }
    assert_raises(Daytona::Sdk::CancelledError) { call.value }
    call.cancel
    done = @echo.start_call('echo.value', { a: 1 })
    assert_equal({ 'a' => 1 }, done.value)
    done.cancel
    assert_equal({ 'a' => 1 }, done.value)
  end

  def test_a_call_that_was_begun_is_done_without_a_wait
    call = @echo.start_call('echo.value', { a: 1 })
    Timeout.timeout(60) { sleep 0.01 until call.done? }
    assert_equal({ 'a' => 1 }, call.value)
  end

  def test_an_exception_right_after_a_submit_leaves_no_answer_to_the_next_call
    once = [true]
    point = TracePoint.new(:return) { |it| raise IOError if it.method_id == :submit && once.pop }
    assert_raises(IOError) { point.enable { @echo.value({ 'a' => 1 }) } }
    assert_raises(Daytona::Sdk::TimeoutError) { @echo.delay(600_000, timeout_ms: 100) }
  end

  def test_a_limit_ends_a_call
    assert_raises(Daytona::Sdk::TimeoutError) { @echo.delay(600_000, timeout_ms: 10) }
  end

  def test_closing_a_client_ends_its_calls_and_a_closed_one_refuses_more
    calls = [@echo.start_call('echo.delay', { ms: 600_000 })]
    thread = Thread.new do
      @echo.delay(600_000)
    rescue Daytona::Sdk::ClosedError => e
      e
    end
    Thread.pass until thread.stop?
    @echo.close
    assert_kind_of Daytona::Sdk::ClosedError, thread.value
    calls.each { |call| assert_raises(Daytona::Sdk::ClosedError) { call.value } }
    @echo.close
    assert_raises(Daytona::Sdk::ClosedError) { @echo.value }
    assert_predicate @echo, :closed?
  end

  def test_a_handle_becomes_a_sandbox_that_can_be_closed
    sandbox = @echo.handle({ 'id' => 's1' })
    assert_kind_of Daytona::Sandbox, sandbox
    assert_equal 's1', sandbox.id
    assert_equal({ 'a' => 1 }, sandbox.call('echo.value', { a: 1 }))
    sandbox.close
    sandbox.close
    assert_raises(Daytona::Sdk::ClosedError) { sandbox.process.execute('true') }
  end

  def test_a_copy_that_nobody_has_leaves_the_handle_open
    all = [@echo, @echo.handle, @echo.open_stream('echo.stream', { echo: true })]
    100.times { all.each { |one| one.dup.clone(freeze: false) } }
    3.times { GC.start }
    assert_equal({ 'a' => 1 }, all[1].call('echo.value', { a: 1 }))
    all[2].write('on')
    assert_equal 'on', all[2].read.text
  end

  def test_a_process_ends_with_calls_and_streams_under_way
    out, err, code = script(<<~RUBY)
      20.times { Thread.new { echo.delay(600_000) } }
      20.times { echo.start_call('echo.delay', { ms: 600_000 }) }
      10.times { Thread.new { echo.stream(chunks: 1_000_000, size: 1000, &:data) } }
      echo.value
      puts 'ends'
      exit 7
    RUBY
    assert_equal ["ends\n", '', 7], [out, err, code]
  end

  def test_a_process_ends_with_an_open_stream_and_no_close
    assert_equal ["open\n", '', 0], script("s = echo.stream(echo: true); s.opened; puts 'open'")
  end

  def test_what_at_exit_runs_can_still_use_a_client
    out, err, code = script("at_exit { puts echo.value({ a: 1 })['a'] }; at_exit { echo.delay(1) }")
    assert_equal ["1\n", '', 0], [out, err, code]
  end

  def test_an_error_that_nobody_rescues_ends_the_process
    _, err, code = script("echo.error(404, message: 'nobody looks')")
    assert_equal 1, code
    assert_match(/nobody looks \(Daytona::Sdk::NotFoundError\)/, err)
  end

  def test_ctrl_c_ends_a_call
    out, _, code = script(<<~RUBY)
      reader, writer = IO.pipe
      child = fork do
        other = Daytona::Echo.new
        begin
          writer.write('x')
          other.delay(600_000)
        rescue Interrupt
          exit! 9
        end
      end
      reader.read(1)
      begin
        Process.kill(:INT, child)
        ended = Process.wait(child, Process::WNOHANG)
      end until ended || (sleep(0.05) && false)
      puts $?.exitstatus
    RUBY
    assert_equal ["9\n", 0], [out, code]
  end

  def test_after_a_fork_what_was_opened_before_says_so_and_a_new_client_works
    out, err, code = script(<<~RUBY)
      echo.value
      sandbox = echo.handle
      stream = echo.stream(echo: true)
      begun = echo.start_call('echo.delay', { ms: 600_000 })
      child = fork do
        [-> { stream.read }, -> { begun.value }].each do |wait|
          wait.call
        rescue Daytona::Sdk::ForkedError => e
          puts e.message
        end
        [-> { echo.value }, -> { echo.start_call('echo.value') }, -> { sandbox.call('echo.value') },
         -> { echo.stream(chunks: 1) }].each do |call|
          call.call
        rescue Daytona::Sdk::ForkedError => e
          puts e.status_name
        end
        other = Daytona::Echo.new
        puts other.value({ a: 1 })['a']
        puts other.start_call('echo.value', { a: 2 }).value['a']
        echo.close
      end
      Process.wait(child)
      puts $?.exitstatus, echo.value({ a: 3 })['a']
      stream.write('on')
      puts stream.read.text
    RUBY
    begun = "it was begun before a fork; open a new client in the child\n" * 2
    assert_equal ["#{begun}FORKED\nFORKED\nFORKED\nFORKED\n1\n2\n0\n3\non\n", '', 0], [out, err, code]
  end

  def test_clients_that_nobody_has_are_closed
    out, err, code = script(<<~RUBY)
      1000.times { Daytona::Echo.new.value }
      GC.start
      open = Daytona::Opened.instance_variable_get(:@pids).size
      puts open < 1000, echo.value({ a: 1 })['a']
    RUBY
    assert_equal ["true\n1\n", '', 0], [out, err, code]
  end

  def test_log_lines_come_to_a_block
    lines = []
    Daytona.on_log(:debug) { |line| lines << line }
    @echo.value
    Daytona.on_log(:off)
    assert(lines.all? { |line| line['message'].is_a?(String) })
    assert_raises(Daytona::Sdk::InvalidArgumentError) { Daytona.on_log(:loud) { nil } }
  end

  def test_a_block_for_log_lines_that_raises_gets_the_next_ones
    lines = 0
    _, told = capture_io do
      Daytona.on_log(:debug) { raise "line #{lines += 1}" }
      Daytona::Daytona.open(api_key: 'k', api_url: 'http://127.0.0.1:1', retries: 0) do |daytona|
        2.times { assert_raises(Daytona::Sdk::ConnectionError) { daytona.volume.list } }
      end
      Timeout.timeout(60) { sleep 0.01 until lines > 1 }
      Daytona.on_log(:off)
    end
    assert_match(/Daytona\.on_log: .*line 2 /, told)
  end

  def test_a_library_that_is_not_there_is_an_error_that_says_where_it_was_looked_for
    _, err, code = script('', 'LIBDAYTONA_PATH' => '/no/such/place')
    assert_equal 1, code
    assert_match(%r{libdaytona was not found\. Looked at /no/such/place .*Daytona::LibraryError}, err)
    _, err, = script('', 'LIBDAYTONA_PATH' => '', 'LD_LIBRARY_PATH' => '')
    assert_match(%r{lib/libdaytona/libdaytona\.so|\A\z}, err)
  end

  def test_a_library_that_is_too_old_or_too_new_is_refused_by_name_and_number
    Dir.mktmpdir do |directory|
      build = lambda do |name, body|
        file = File.join(directory, "#{name}.so")
        File.write("#{file}.c", body)
        system('cc', '-shared', '-fPIC', '-o', file, "#{file}.c", exception: true)
        script('', 'LIBDAYTONA_PATH' => file)[1]
      end
      old = build.call('old', 'unsigned daytona_abi_version(void) { return 0; }')
      assert_match(/old\.so is too old: it has the interface 0\.0, not 0\.1 or a later 0\.x\./, old)
      recent = build.call('new', 'unsigned daytona_abi_version(void) { return 7u << 16 | 2; }')
      assert_match(/new\.so is too new: it has the interface 7\.2, not 0\.1/, recent)
      assert_match(/other\.so is no libdaytona/, build.call('other', 'int nothing;'))
    end
  end

  def test_the_library_is_found_in_a_directory
    directory = File.dirname(Daytona::Library.path)
    assert_equal ["found\n", '', 0], script("puts 'found'", 'LIBDAYTONA_PATH' => directory)
  end
end

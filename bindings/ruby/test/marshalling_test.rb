# frozen_string_literal: true

require_relative 'helper'

# The way to the library and back, through the echo target: no server.
class MarshallingTest < EchoTest
  CATALOGUE = JSON.parse(File.read(File.expand_path('../../../src/catalogue/operations.json', __dir__),
                                   encoding: 'UTF-8'))

  def test_texts_come_back_as_they_were
    texts = ['', 'plain', 'ü€😀', "\0", "a\0b\0", "\"\\\n\t\u2028", "\u{10ffff}", "#{'x' * 3_000_000}é"]
    texts.each { |text| assert_equal text, round(text) }
    texts.first(6).each { |text| assert_equal({ "key#{text}" => 1 }, @echo.value({ "key#{text}" => 1 })) }
    assert_equal Encoding::UTF_8, round('é').encoding
  end

  def test_texts_of_other_encodings_are_sent_as_utf8
    assert_equal 'é', round('é'.encode('ISO-8859-1'))
    assert_equal 'é', round('é'.b)
    assert_equal "a\ufffdb", round("a\xffb")
    assert_equal "a\ufffdb", round("a\xffb".b)
    assert_equal 'name', round(:name)
    assert_equal({ 'gpuType' => "a\ufffd" }, round(Daytona::Resources.new(gpu_type: "a\xff")))
    assert_equal "a\ufffd", round(Daytona::Image.base("a\xff"))['base']
  end

  def test_answers_with_half_a_character_are_read
    { '"\ud800"' => "\ufffd", '"\uDC00x"' => "\ufffdx", '"\ud800\u0041"' => "\ufffdA", '"\ud83d\ude00"' => '😀',
      '"\\\\ud800"' => '\ud800' }.each { |json, text| assert_equal text, Daytona::JsonText.parse(json) }
    deep = assert_raises(Daytona::Sdk::ProtocolError) { Daytona::JsonText.parse('[' * 1_000_000) }
    assert_equal 'PROTOCOL', deep.status_name
  end

  def test_numbers_come_back_as_they_were
    integers = [0, -1, (2**53) - 1, 2**53, (2**53) + 1, (2**63) - 1, 2**63, (2**64) - 1, -(2**63)]
    integers.each { |number| assert_equal number, round(number) }
    [0.1, 1e300, -1e-300, 1.5].each { |number| assert_equal number, round(number) }
    mixed = { 'a' => [1, 2**60, (2**60).to_s, nil, true], 'b' => { 'c' => 2**61 } }
    assert_equal mixed, round(mixed)
  end

  def test_bytes_come_back_as_they_were
    all = (0..255).to_a.pack('C*')
    ['', "\0", all, all * 20_000].each { |bytes| assert_equal bytes.b, @echo.bytes(bytes) }
    assert_equal Encoding::BINARY, @echo.bytes(all).encoding
    assert_equal 'é'.b, @echo.bytes('é')
    assert_equal all, @echo.bytes(StringIO.new(all))
  end

  def test_an_error_is_of_its_class_with_all_that_the_error_json_has
    error = assert_raises(Daytona::Sdk::FileNotFoundError) do
      @echo.error(404, message: 'gone', code: 'FILE_NOT_FOUND', source: 'DAYTONA_DAEMON', request_id: 'r1', attempts: 3,
                       retry_after_ms: 250, sandbox_id: 's1', headers: { 'X-Request-Id' => 'r1' })
    end
    assert_kind_of Daytona::Sdk::NotFoundError, error
    assert_kind_of Daytona::Sdk::Error, error
    assert_equal ['gone', 404, 'FILE_NOT_FOUND', 'DAYTONA_DAEMON'],
                 [error.message, error.status_code, error.code, error.source]
    assert_equal [404, 'NOT_FOUND', 'echo.error', 'r1', 3, 250, 's1', false],
                 [error.status, error.status_name, error.operation, error.request_id, error.attempts,
                  error.retry_after_ms, error.sandbox_id, error.retryable?]
    assert_equal 'r1', error.headers.transform_keys(&:downcase)['x-request-id']
  end

  def test_each_status_and_each_code_has_its_class
    number = CATALOGUE['statuses'].to_h { |it| [it['name'], it['number']] }
    raised = lambda do |status, code = nil|
      @echo.error(status, code:)
    rescue Daytona::Sdk::Error => e
      e.class
    end
    CATALOGUE['classes'].each do |it|
      kind = Daytona::Sdk.const_get("#{it['name']}Error")
      it['statuses'].each { |status| assert_equal kind, raised.call(number[status]) }
      assert_operator kind, :<, Daytona::Sdk.const_get("#{it['parent']}Error")
    end
    CATALOGUE['codes'].each do |it|
      assert_equal Daytona::Sdk.const_get("#{it['class']}Error"), raised.call(number[it['status']], it['code'])
    end
    assert_equal Daytona::Sdk::Error, raised.call(418)
    assert_equal Daytona::Sdk::InternalServerError, raised.call(500, 'NO_CODE_OF_OURS')
  end

  def test_bad_input_is_refused_before_anything_is_sent
    invalid = Daytona::Sdk::InvalidArgumentError
    assert_match(/ms/, assert_raises(invalid) { @echo.delay('soon') }.message)
    assert_match(/ms/, assert_raises(invalid) { @echo.delay(nil) }.message)
    assert_match(/colour/, assert_raises(invalid) { @echo.call('echo.delay', { ms: 1, colour: 'red' }) }.message)
    assert_match(/colour/, assert_raises(ArgumentError) { @echo.delay(1, colour: 'red') }.message)
    assert_match(/Bytes/, assert_raises(invalid) { @echo.bytes(17) }.message)
    assert_match(/echo\.nothing/, assert_raises(invalid) { @echo.call('echo.nothing') }.message)
    assert_raises(invalid) { @echo.open_stream('echo.value') }
    assert_raises(Daytona::Sdk::ValidationError) { @echo.delay(nil) }
    assert_raises(invalid) { @echo.value({ 'a' => Float::NAN }) }
    circle = []
    circle << circle
    assert_raises(invalid) { @echo.value({ 'a' => circle }) }
  end

  def test_a_panic_of_the_library_is_an_error_and_the_next_call_works
    assert_raises(Daytona::Sdk::PanicError) { @echo.panic }
    assert_equal({ 'a' => 1 }, @echo.value({ 'a' => 1 }))
  end

  def test_a_hundred_thousand_calls_answer_each_its_own
    calls = Integer(ENV.fetch('DAYTONA_ECHO_CALLS', 100_000))
    answered(calls / 10)
    GC.start
    early = resident
    answered(calls - (calls / 10))
    GC.start
    late = resident
    # After a tenth everything is as large as it becomes.
    assert_operator late - early, :<, 64 << 20
    puts "soak ruby: #{calls} calls, #{early >> 10} KiB after a tenth, #{late >> 10} KiB at the end"
  end

  # Half of them by 64 threads, half begun a hundred at a time.
  def answered(count)
    share = count / 128
    threads = Array.new(64) do |thread|
      Thread.new do
        share.times do |index|
          number = (thread * share) + index
          raise "#{number} got another's answer" unless @echo.value({ number: })['number'] == number
        end
      end
    end
    threads.each(&:join)
    (64 * share).upto(count - 1).each_slice(100) do |numbers|
      calls = numbers.map { |number| @echo.start_call('echo.value', { number: }) }
      assert_equal numbers, (calls.map { |call| call.value['number'] })
    end
  end

  def resident = File.read('/proc/self/statm').split[1].to_i * 4096

  def test_ten_thousand_calls_at_once_answer_each_its_own
    calls = Array.new(10_000) { |number| @echo.start_call('echo.value', { number: }) }
    calls.reverse.each_with_index { |call, index| assert_equal 9_999 - index, call.value['number'] }
  end

  def test_calls_that_were_begun_are_awaited_by_other_threads
    calls = Array.new(64) { |number| @echo.start_call('echo.delay', { ms: number }) }
    calls.map { |call| Thread.new { call.value } }.each { |thread| assert_nil thread.value }
  end

  def test_nothing_is_left_over_after_many_calls
    rounds = lambda do
      200.times { Array.new(20) { @echo.start_call('echo.bytes', {}, 'x' * 20_000) }.each(&:value) }
      200.times { @echo.open_stream('echo.stream', { chunks: 5, size: 1000 }) { nil } }
      200.times { @echo.handle }
      GC.start
    end
    rounds.call
    before = resident
    2.times { rounds.call }
    assert_operator resident - before, :<, 100 << 20
  end

  def test_records_keep_what_they_do_not_know
    record = Daytona::FileInfo.new('name' => 'a', 'newer' => [1])
    assert_equal ['a', nil, [1]], [record.name, record.size, record['newer']]
    assert_equal({ 'name' => 'a', 'newer' => [1] }, record.to_h)
    assert_equal record, Daytona::FileInfo.new('name' => 'a', 'newer' => [1])
    case record
    in { nothing: _ } | { hash: _ } then flunk
    in { name: String => name } then assert_equal 'a', name
    end
    case Daytona::ExecuteResponse.new('exitCode' => 3, 'result' => 'x')
    in { exit_code: 3, **rest } then assert_equal 'x', rest[:result]
    end
  end

  def test_an_answer_of_another_shape_is_the_protocols_error
    sessions = { 'sessions' => 7, 'commands' => [7] }
    [-> { Daytona::PtyList.new(sessions).sessions }, -> { Daytona::Session.new(sessions).commands },
     -> { Daytona::Session.new(7) }, -> { Daytona::Snapshot.new('createdAt' => 'soon').created_at },
     -> { Daytona::Snapshot.new('createdAt' => 7).created_at }, -> { Daytona::Answers.session_execution([]) },
     -> { Daytona::Answers.metrics({ 'timestamp' => 'x' }) }].each do |mistake|
      assert_raises(Daytona::Sdk::ProtocolError, &mistake)
    end
  end
end

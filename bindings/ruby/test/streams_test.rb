# frozen_string_literal: true

require_relative 'helper'

# Streams of the echo target.
class StreamsTest < EchoTest
  def stream(**options, &) = @echo.open_stream('echo.stream', options, &)

  def test_a_block_gets_each_chunk_and_the_end_is_given
    chunks = []
    ended = @echo.stream(chunks: 3, size: 4, channel: 2) { |chunk| chunks << chunk }
    assert_equal %w[aaaa bbbb cccc], chunks.map(&:data)
    assert_equal [4, 8, 12], chunks.map(&:position)
    assert chunks.all?(&:stderr?)
    assert_equal 3, ended.chunks
  end

  def test_a_stream_is_enumerable
    all = @echo.stream(chunks: 3, size: 1, channel: 1)
    assert_equal %w[a b c], all.lazy.map(&:text).first(3)
    chunks = stream(chunks: 2, size: 1).each
    assert_equal 'a', chunks.next.data
    assert_equal 'b', chunks.next.data
    assert_raises(StopIteration) { chunks.next }
  end

  def test_bytes_of_every_size_arrive_whole
    [1, 1000, 65_536, 1 << 20].each do |size|
      count = 0
      ended = @echo.stream(chunks: 8, size:, channel: 1) { |chunk| count += chunk.data.bytesize }
      assert_equal [8 * size, 8 * size], [count, ended.bytes]
    end
  end

  def test_what_is_written_comes_back
    sent = (0..255).to_a.pack('C*') * 4000
    all = stream(echo: true)
    writer = Thread.new do
      all.write(sent)
      all.finish
    end
    got = String.new
    all.each { |chunk| got << chunk.data }
    writer.join
    assert_equal sent, got
  end

  def test_characters_that_are_cut_are_put_together
    text = 'aé€😀' * 50
    all = stream(echo: true)
    text.b.each_char { |byte| all.write(byte) }
    all.finish
    pieces = all.each_text.to_a
    assert_equal text, pieces.join
    assert pieces.all?(&:valid_encoding?)
  end

  def test_leaving_the_block_closes_the_stream
    all = stream(chunks: 1_000_000, size: 1000)
    all.each { break }
    assert_predicate all, :closed?
    assert_raises(Daytona::Sdk::ClosedError) { all.read }
    assert_raises(Daytona::Sdk::ClosedError) { all.write('x') }
    other = stream(chunks: 1_000_000, size: 1000)
    assert_raises(ZeroDivisionError) { other.each { 1 / 0 } }
    assert_predicate other, :closed?
  end

  def test_closing_wakes_the_reader
    all = stream(echo: true)
    all.opened
    reader = Thread.new do
      all.read
    rescue Daytona::Sdk::ClosedError => e
      e
    end
    Thread.pass until reader.stop?
    all.close
    assert_kind_of Daytona::Sdk::ClosedError, reader.value
  end

  def test_a_reader_can_be_interrupted_and_reads_on
    all = stream(echo: true)
    assert_raises(Timeout::Error) { Timeout.timeout(0.01) { all.read } }
    assert_raises(Daytona::Sdk::TimeoutError) { all.read(timeout: 0.01) }
    all.write('later')
    assert_equal 'later', all.read.data
    thread = Thread.new { all.read }
    Thread.pass until thread.stop?
    thread.kill.join
    all << 'again'
    assert_equal 'again', all.read.data
    all.close
  end

  def test_a_read_without_time_takes_what_is_there
    all = stream(chunks: 2, size: 3)
    first = Timeout.timeout(60) do
      all.read(timeout: 0)
    rescue Daytona::Sdk::TimeoutError
      retry
    end
    assert_equal 'aaa', first.data
    other = stream(echo: true)
    other.opened
    assert_raises(Daytona::Sdk::TimeoutError) { other.read(timeout: 0) }
    assert_raises(Daytona::Sdk::TimeoutError) { other.read(timeout: -1) }
    other.close
  end

  def test_the_result_drops_what_nobody_read
    assert_equal 100, stream(chunks: 100, size: 100_000).result['chunks']
  end

  def test_the_end_of_a_client_ends_its_streams
    all = stream(chunks: 1_000_000, size: 1000)
    all.read
    @echo.close
    assert_raises(Daytona::Sdk::ClosedError) { nil while all.read }
    assert_raises(Daytona::Sdk::ClosedError) { stream(chunks: 1) }
  end

  def test_a_limit_ends_a_stream
    assert_raises(Daytona::Sdk::TimeoutError) { stream(echo: true, timeoutMs: 10).result }
  end

  def test_a_write_to_a_stream_that_has_ended_tells_why
    all = stream(echo: true, timeoutMs: 20)
    assert_raises(Daytona::Sdk::TimeoutError) { all.read }
    assert_raises(Daytona::Sdk::TimeoutError) { all.write('x') }
    all = stream(chunks: 1)
    all.result
    ended = assert_raises(Daytona::Sdk::ClosedError) { all.write('x') }
    assert_equal ['echo.stream', 'echo.stream has ended.'], [ended.operation, ended.message]
  end

  def test_streams_of_many_threads_do_not_mix
    threads = Array.new(16) do |index|
      Thread.new { stream(chunks: 50, size: index + 1, channel: 1).sum { |chunk| chunk.data.bytesize } }
    end
    assert_equal Array.new(16) { |index| 50 * (index + 1) }, threads.map(&:value)
  end
end

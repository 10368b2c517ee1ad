# frozen_string_literal: true

require_relative 'event_queue'

module Daytona
  # A piece of a stream: the bytes of one channel.
  class Chunk
    # The bytes, in binary encoding.
    attr_reader :data
    # The bytes of the source up to the end of this piece; the value to resume from.
    attr_reader :position

    def initialize(channel, data, position)
      @channel = channel
      @data = data
      @position = position
    end

    # `:data`, `:stdout`, `:stderr` or `:structured`.
    def channel = Tables::CHANNELS[@channel]

    def stdout? = @channel == 1

    def stderr? = @channel == 2

    # The bytes as UTF-8. A character may be cut between two chunks: Stream#each_text puts those together.
    def text = data.dup.force_encoding(Encoding::UTF_8)

    alias to_s text

    # The JSON value of a `:structured` chunk.
    def value = JsonText.parse(text)
  end

  # A running command, a terminal, followed output, a transfer. What nobody reads stays in the library, which holds the
  # remote side back. One thread reads it at a time; others may write to it and close it.
  class Stream
    include Enumerable

    CAPACITY = '{"capacityBytes":1048576,"capacityCalls":4}'

    # `as`: the classes of what opened and result give.
    def initialize(owner, operation, params, as = nil)
      @owner = owner
      @operation = operation
      @as = as
      @chunks = []
      @reading = Mutex.new
      @queue = EventQueue.new(CAPACITY)
      @handle = @queue.open_stream(owner.native, operation, params)
      ObjectSpace.define_finalizer(self, EventQueue.closer(@handle))
    rescue Exception
      @queue&.close
      raise
    end

    # Itself, like a Target.
    def dup = self

    def clone(**) = self

    # What the server said when the stream opened.
    def opened
      advance until @opened || @end
      raise @end[0] if !@opened && @end[0]

      shaped(@opened && @opened[0], 0)
    end

    # The next chunk, or nil at a good end. Raises Sdk::TimeoutError when none came within the seconds.
    def read(timeout: nil)
      deadline = timeout && (now + timeout)
      until (chunk = @chunks.shift)
        if @end
          raise @end[0] if @end[0]

          return nil
        end
        left = deadline ? [(deadline - now) * 1000, EventQueue::SLICE_MS].min.ceil : EventQueue::SLICE_MS
        advance([left, 0].max)
        next unless left <= 0 && @chunks.empty? && !@end

        raise Errors.of_status(Tables::Status::TIMEOUT, "Nothing of #{@operation} came in time.")
      end
      chunk
    end

    # Yields its chunks up to its end. Leaving the block early closes the stream.
    def each
      return enum_for(:each) unless block_given?

      begin
        while (chunk = read)
          yield chunk
        end
      ensure
        close
      end
      self
    end

    # Yields its text, of one channel or all; characters that are cut between chunks are put together.
    def each_text(channel = nil)
      return enum_for(:each_text, channel) unless block_given?

      each_text_by_channel { |of, text| yield text if channel.nil? || of == channel }
    end

    # Yields the channel and its text, likewise.
    def each_text_by_channel
      return enum_for(:each_text_by_channel) unless block_given?

      cut = Hash.new { |all, channel| all[channel] = String.new }
      each do |chunk|
        whole = whole_characters(cut[chunk.channel] << chunk.data)
        yield chunk.channel, whole unless whole.empty?
      end
      cut.each { |channel, rest| yield channel, rest.force_encoding(Encoding::UTF_8).scrub unless rest.empty? }
      self
    end

    # Reads it to its end, and gives that.
    def follow(&block)
      each(&block)
      result
    end

    # How it ended. What nobody has read by then is dropped.
    def result
      until @end
        @chunks.clear
        advance
      end
      raise @end[0] if @end[0]

      shaped(@end[1], 1)
    end

    # Sends bytes, those of a text as they are; done when the library has taken them all.
    def write(data)
      rest = data.to_s.b
      slots = Library::Slots.new
      until rest.empty?
        raise ended if @end

        status = Library.stream_write(@handle, rest, rest.bytesize, EventQueue::SLICE_MS, slots.number, nil)
        raise failure_of_write(status) unless [0, Tables::Status::TIMEOUT, Tables::Status::WOULD_BLOCK].include?(status)

        sleep(0.01) if status == Tables::Status::WOULD_BLOCK
        rest = rest.byteslice(slots.value..)
      end
      data.to_s.bytesize
    end

    def <<(data)
      write(data)
      self
    end

    # Says that no more is written: an upload completes.
    def finish
      raise ended if @end

      slots = Library::Slots.new
      slots.check(Library.stream_finish(@handle, slots.text))
      nil
    end

    # Ends the remote side where it can be ended. Whoever waits gets Sdk::ClosedError.
    def close
      return if @end

      over([Errors.closed('stream'), nil])
      @chunks.clear
      nil
    end

    def closed? = !@end.nil?

    private

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)

    def shaped(value, index)
      kind = @as && @as[index]
      kind && value.is_a?(Hash) ? kind.new(value) : value
    end

    # Takes what has come.
    def advance(limit_ms = EventQueue::SLICE_MS)
      @reading.synchronize do
        return if @end

        @queue.take(limit_ms) { |kind, status, event| accept(kind, status, event) }
      end
    rescue Sdk::ClosedError, Sdk::InvalidHandleError
      raise unless @end
    end

    def accept(kind, status, event)
      case kind
      when Tables::Kind::DATA
        @chunks << Chunk.new(event[7] & 0xffffffff, EventQueue.bytes(event), event[3])
      when Tables::Kind::OPENED
        @opened = [JsonText.parse(EventQueue.text(event))]
      when Tables::Kind::ENDED
        finished(status, event[2], EventQueue.text(event))
      end
    end

    def finished(status, result, text)
      if status.zero?
        value = JsonText.parse(text)
        value = @owner.made(result, value) unless result.zero?
        over([nil, value])
      else
        over([Errors.from_json(text), nil])
      end
    end

    def over(how)
      return if @end

      @end = how
      ObjectSpace.undefine_finalizer(self)
      Library.close(@handle)
      @queue.close
    end

    # The bytes up to the last whole character, which are taken out.
    def whole_characters(bytes)
      size = bytes.bytesize
      back = (1..[3, size].min).find { |count| bytes.getbyte(size - count) & 0xc0 != 0x80 } || 0
      lead = back.zero? ? 0 : bytes.getbyte(size - back)
      wanted = lead >= 0xf0 ? 4 : (lead >= 0xe0 ? 3 : (lead >= 0xc0 ? 2 : 1))
      whole = back.positive? && wanted > back ? size - back : size
      bytes.slice!(0, whole).force_encoding(Encoding::UTF_8).scrub("\ufffd")
    end

    # Why nothing more is taken.
    def ended = @end[0] || Errors.of_status(Tables::Status::CLOSED, "#{@operation} has ended.", @operation)

    # What has come in says more than the status of a write.
    def failure_of_write(status)
      advance(0)
      return ended if @end

      Errors.of_status(status, "Writing to #{@operation} failed: #{Library.status_name(status)}.", @operation)
    end
  end
end

# frozen_string_literal: true

require_relative 'library'
require_relative 'json_text'

module Daytona
  # A queue of the library and the memory that its events are read from. One thread waits in it at a time, in slices:
  # between two of them Ruby sees Ctrl-C, Timeout and Thread#kill.
  class EventQueue
    # How long a wait goes without a look at what Ruby wants of the thread.
    SLICE_MS = 50
    BATCH = 64
    # Object: Thread#kill too.
    LATER = { Object => :never }.freeze
    # For operations without bytes beside their JSON.
    NO_BODY = ''

    attr_reader :handle

    def initialize(options = nil)
      @slots = Library::Slots.new
      @slots.check(Library.queue_open(options, @slots.number, @slots.text))
      @handle = @slots.value
      @events = FFI::MemoryPointer.new(Library::EVENT_BYTES, BATCH)
      @count = FFI::MemoryPointer.new(:size_t)
      ObjectSpace.define_finalizer(self, self.class.closer(@handle))
    end

    # Closes a handle of an object that nobody has any more.
    def self.closer(handle) = proc { Library.close(handle) }

    # Begins a call, and gives its handle.
    def submit(target, operation, params, body, user = 0)
      size = body ? body.bytesize : 0
      @slots.check(Library.submit(target, operation, params, body || NO_BODY, size, @handle, user,
                                  @slots.number, @slots.text))
      @slots.value
    end

    # Opens a stream, and gives its handle.
    def open_stream(target, operation, params)
      @slots.check(Library.stream_open(target, operation, params, @handle, 0, @slots.number, @slots.text))
      @slots.value
    end

    # Waits for events, at most this long, and yields each as kind, status, its eight words, which are gone with the
    # next wait. What Ruby wants of the thread waits meanwhile, so that no event is lost: the block runs no code of the
    # user.
    def take(limit_ms = SLICE_MS)
      Thread.handle_interrupt(LATER) do
        status = Library.queue_next(@handle, @events, BATCH, limit_ms, @count)
        unless status.zero?
          return if status == Tables::Status::TIMEOUT

          message = 'it was begun before a fork; open a new client in the child' if status == Tables::Status::FORKED
          raise status == Tables::Status::CLOSED ? Errors.closed('client') : Errors.of_status(status, message)
        end
        count = @count.read_uint64
        index = 0
        while index < count
          event = @events.get_array_of_uint64(index * Library::EVENT_BYTES, 8)
          index += 1
          kind = event[6]
          yield kind & 0xffffffff, kind >> 32, event
        end
      end
    end

    # The data of an event.
    def self.bytes(event)
      size = event[5]
      size.zero? ? String.new : FFI::Pointer.new(event[4]).read_bytes(size)
    end

    def self.text(event) = bytes(event).force_encoding(Encoding::UTF_8)

    # Cancels what reports to it.
    def close
      ObjectSpace.undefine_finalizer(self)
      Library.close(@handle)
    end
  end
end

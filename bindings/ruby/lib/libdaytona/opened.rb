# frozen_string_literal: true

require_relative 'library'

module Daytona
  # The clients that are open, which are closed before the process exits: Ruby waits for threads that are in a call.
  module Opened
    # How long the end of the process waits for what closing began, such as the end of a remote command.
    SHUTDOWN_MS = 1500

    @pids = {}
    @lock = Mutex.new

    class << self
      # Opens a client or an echo target, and gives its handle.
      def open(function, config)
        slots = Library::Slots.new
        slots.check(Library.public_send(function, config, slots.number, slots.text))
        slots.value.tap { |handle| add(handle) }
      end

      def close(handle)
        @pids.delete(handle)
        Library.close(handle)
      end

      # Closes a client that nobody has any more.
      def closer(handle) = proc { close(handle) }

      private

      def add(handle)
        # Registered late, so that it runs before what was registered earlier: a test framework opens clients in one.
        @lock.synchronize do
          at_exit { close_all } unless @registered
          @registered = true
        end
        @pids[handle] = ::Process.pid
      end

      def close_all
        own = @pids.select { |_, pid| pid == ::Process.pid }.keys
        return if own.empty? && !@used

        own.each { |handle| close(handle) }
        Library.shutdown(SHUTDOWN_MS)
      end
    end
  end
end

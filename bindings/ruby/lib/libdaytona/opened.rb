# frozen_string_literal: true

require_relative 'library'

module Daytona
  # The clients that are open. Those of this process are closed at its very end, behind what `at_exit` runs and when the
  # other threads are over, which leave their calls by then.
  module Opened
    # How long the end of the process waits for what closing began, such as the end of a remote command.
    SHUTDOWN_MS = 1500

    @pids = {}

    class << self
      # Opens a client or an echo target, and gives its handle.
      def open(function, config)
        slots = Library::Slots.new
        slots.check(Library.public_send(function, config, slots.number, slots.text))
        slots.value.tap { |handle| @pids[handle] = @last = ::Process.pid }
      end

      def close(handle)
        @pids.delete(handle)
        Library.close(handle)
      end

      # Closes a client that nobody has any more.
      def closer(handle) = proc { close(handle) }

      # Closes the clients of this process, and lets what that begins come to an end.
      def close_all
        return unless @last == ::Process.pid

        @pids.select { |_, pid| pid == @last }.each_key { |handle| close(handle) }
        Library.shutdown(SHUTDOWN_MS)
      end
    end

    # Its finalizer runs when the process ends.
    LAST = Object.new
    ObjectSpace.define_finalizer(LAST, proc { close_all })
  end
end

# frozen_string_literal: true

require_relative 'event_queue'

module Daytona
  # The library's log lines.
  module Log
    class << self
      # Sends lines of this level and those above it to the block, on a thread of their own; `:off` ends it.
      def listen(level, &listener)
        number = Tables::LOG_LEVELS.fetch(level) { raise Errors.invalid("There is no log level #{level}.") }
        stop
        return if number.zero?

        queue = @queue = EventQueue.new
        Library.log(number, queue.handle, 0)
        @thread = Thread.new { follow(queue, listener) }
        nil
      end

      private

      def stop
        Library.log(0, 0, 0)
        @queue&.close
        @thread&.join unless @thread == Thread.current
        @queue = @thread = nil
      end

      def follow(queue, listener)
        loop do
          lines = []
          queue.take { |_, _, event| lines << EventQueue.text(event) }
          lines.each do |line|
            listener.call(JsonText.parse(line))
          rescue StandardError => e
            warn("Daytona.on_log: #{e.full_message(highlight: false)}")
          end
        end
      rescue Sdk::ClosedError, Sdk::InvalidHandleError
        nil
      end
    end
  end

  # Log lines, each a hash with `level`, `message` and `dropped`: `Daytona.on_log(:info) { |line| ... }`.
  def self.on_log(level, &) = Log.listen(level, &)
end

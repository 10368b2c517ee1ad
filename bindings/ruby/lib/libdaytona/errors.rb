# frozen_string_literal: true

require 'json'
require_relative 'generated/tables'

module Daytona
  # The library cannot be loaded: it is not there, or too old or too new.
  class LibraryError < LoadError; end

  # The official gem's names of errors; the classes below the root stand in generated/errors.rb.
  module Sdk
    # The root of all errors of calls and streams.
    class Error < StandardError
      # Milliseconds, counts and ids of the failure; nil where they are not known.
      attr_reader :status, :status_name, :operation, :request_id, :retry_after_ms, :attempts, :sandbox_id,
                  :sandbox_name, :bytes, :position, :exit_code, :reason
      # The HTTP status that the server answered, its error code, and who made the error.
      attr_reader :status_code, :code, :source
      # Headers of the answer.
      attr_reader :headers

      def initialize(message = nil, status_code: nil, code: nil, source: nil, headers: nil)
        super(message)
        @status_code = status_code
        @code = code
        @source = source
        @headers = headers || {}
      end

      # Whether the same call may succeed later.
      def retryable? = @retryable || false

      # The error JSON of the library, or an empty hash for an error that Ruby code made.
      def to_h = @json || {}

      # Takes over the error JSON.
      def fill(json)
        @json = json
        @status, @status_name, @operation = json.values_at('status', 'name', 'operation')
        @request_id, @retryable, @retry_after_ms = json.values_at('requestId', 'retryable', 'retryAfterMs')
        @attempts, @sandbox_id, @sandbox_name = json.values_at('attempts', 'sandboxId', 'sandboxName')
        @bytes, @position, @exit_code, @reason = json.values_at('bytes', 'position', 'exitCode', 'reason')
        self
      end
    end
  end

  # Makes error objects of the library's failures.
  module Errors
    class << self
      # The error of an error JSON, as text.
      def from_json(text) = of(JSON.parse(text.force_encoding(Encoding::UTF_8), max_nesting: false))

      # The error of an error JSON.
      def of(json)
        message, code, source, headers = json.values_at('message', 'code', 'source', 'headers')
        kind = Sdk::BY_CODE[code] || Sdk::BY_STATUS[json['status']] || Sdk::Error
        kind.new(message, status_code: json['httpStatus'], code:, source:, headers:).fill(json)
      end

      def of_status(status, message = nil, operation = nil)
        name = Library.status_name(status)
        of('status' => status, 'name' => name, 'message' => message || name, 'operation' => operation,
           'retryable' => false, 'attempts' => 0)
      end

      def invalid(message, operation = nil) = of_status(Tables::Status::INVALID_ARGUMENT, message, operation)

      def closed(what) = of_status(Tables::Status::CLOSED, "The #{what} is closed.")
    end
  end
end

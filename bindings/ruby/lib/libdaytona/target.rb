# frozen_string_literal: true

require_relative 'calls'
require_relative 'stream'

module Daytona
  # Arguments as methods take them, made into what an operation takes.
  module Conversions
    private

    # Seconds as the operations take them.
    def milliseconds(seconds)
      return if seconds.nil?
      return (seconds * 1000).ceil if seconds.is_a?(Numeric) && seconds.to_f.finite?

      raise Errors.invalid("A limit is a number of seconds, not #{seconds.inspect[0, 40]}.")
    end

    # A time as the operations take it.
    def iso(time) = time.is_a?(Time) || time.is_a?(Date) ? time.to_time.iso8601(3) : time

    # The id of an object that has one, or the id itself.
    def id_of(object) = object.respond_to?(:id) ? object.id : object

    # The bytes of a String, or of what can be read.
    def bytes_of(body)
      return body if body.is_a?(String)
      raise Errors.invalid("Bytes are a String, or an IO, not #{body.inspect[0, 40]}.") unless body.respond_to?(:read)

      body.read
    end

    # The fields of an object of parameters, or of a hash with its keys.
    def spread(object) = Compatible.fields(object).transform_keys(&:to_sym)
  end

  # What calls act on: a client or a sandbox.
  class Target
    include Conversions

    # Itself: a copy would close the handle of both once nobody has it.
    def dup = self

    def clone(**) = self

    # Any operation by its name, as `daytona.call('region.list')`, with its parameters as the JSON has them; the answer
    # is JSON, bytes, a text or a sandbox. The block gets the progress of a transfer.
    def call(operation, params = {}, body = nil, &progress)
      result, data = client_calls.run(native, operation, JsonText.write(params), body_bytes(body), progress)
      answer(operation, result, data)
    end

    # Begins an operation: PendingCall#value waits for its answer.
    def start_call(operation, params = {}, body = nil, &progress)
      client_calls.start(self, operation, JsonText.write(params), body_bytes(body), progress)
    end

    # Any stream by its name. With a block it is read to its end, which is given.
    def open_stream(operation, params = {}, &block)
      stream = Stream.new(self, operation, JsonText.write(params))
      block ? stream.follow(&block) : stream
    end

    # The answer of a call from what came.
    def answer(operation, result, data)
      case Tables::RETURNS[operation]
      when nil then JsonText.parse(data)
      when :bytes then data
      when :text then data.force_encoding(Encoding::UTF_8)
      when :handle then made(result, JsonText.parse(data))
      end
    end

    # What a call of a generated method takes, which leaves out what is nil.
    def invoke(operation, params, *body, &block)
      call(operation, params.compact, *body.map { |bytes| bytes_of(bytes) }, &block)
    end

    def invoke_stream(operation, params, as = nil, &block)
      stream = Stream.new(self, operation, JsonText.write(params.compact), as)
      block ? stream.follow(&block) : stream
    end

    private

    def body_bytes(body) = body.nil? ? nil : bytes_of(body)

    def area(name, kind)
      (@areas ||= {})[name] ||= kind.new(self)
    end
  end

  # The operations of one area, on a client or a sandbox.
  class Area
    include Conversions

    def initialize(target)
      @target = target
    end

    # The sandbox or client that they act on.
    attr_reader :target

    private

    def invoke(operation, params, *body, &block) = @target.invoke(operation, params, *body, &block)

    def invoke_stream(operation, params, as = nil, &block) = @target.invoke_stream(operation, params, as, &block)
  end
end

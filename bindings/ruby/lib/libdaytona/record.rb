# frozen_string_literal: true

require 'json'
require 'time'

module Daytona
  # An answer's object: a reader for each field that this version knows; a newer server's fields are in `[]` and `to_h`.
  class Record
    class << self
      # The record of an object, or nil.
      def of(fields) = fields && new(fields)

      # The records of a list, or nil.
      def list(items)
        raise misshapen(items, 'is a list') unless items.nil? || items.is_a?(Array)

        items&.map { |fields| new(fields) }
      end

      # The time of a text, or nil.
      def time(text)
        text && Time.parse(text)
      rescue ArgumentError, TypeError
        raise misshapen(text, 'has a time')
      end

      # The error of a server that answered something else.
      def misshapen(value, wanted)
        Errors.of_status(Tables::Status::PROTOCOL, "The server's answer has #{value.class} where #{name} #{wanted}.")
      end
    end

    # `fields`: the object as the JSON has it.
    def initialize(fields)
      raise self.class.misshapen(fields, 'is an object') unless fields.is_a?(Hash)

      @fields = fields
    end

    # A field by its name in the JSON.
    def [](name) = @fields[name.to_s]

    # The object as the JSON has it.
    def to_h = @fields

    alias to_hash to_h

    def to_json(...) = @fields.to_json(...)

    def ==(other) = other.class == self.class && other.to_h == @fields

    alias eql? ==

    def hash = @fields.hash

    # For pattern matching, by the names of the readers.
    def deconstruct_keys(names)
      readers = self.class.public_instance_methods - Record.public_instance_methods
      (names ? names & readers : readers).to_h { |name| [name, public_send(name)] }
    end

    def inspect = "#<#{self.class} #{@fields.map { |name, value| "#{name}=#{value.inspect}" }.join(' ')}>"

    alias to_s inspect

    private

    def shaped(name, kind) = kind.of(@fields[name])

    def listed(name, kind) = kind.list(@fields[name])

    def mapped(name, kind)
      fields = @fields[name]
      raise kind.misshapen(fields, 'is in a map') unless fields.nil? || fields.is_a?(Hash)

      fields&.transform_values { |value| kind.of(value) }
    end

    def timed(name) = self.class.time(@fields[name])
  end

  # An object of parameters, as the official gem has them.
  class Parameters
    # By the names of the readers, without what is nil.
    def to_h = self.class::FIELDS.keys.to_h { |name| [name, public_send(name)] }.compact

    # By the names of the JSON, without what is nil.
    def to_params = self.class::FIELDS.to_h { |name, json| [json, public_send(name)] }.compact

    def to_json(...) = to_params.to_json(...)

    def ==(other) = other.class == self.class && other.to_h == to_h

    alias eql? ==

    def hash = to_h.hash

    def deconstruct_keys(_names) = to_h

    def inspect = "#<#{self.class} #{to_h.map { |name, value| "#{name}=#{value.inspect}" }.join(' ')}>"
  end
end

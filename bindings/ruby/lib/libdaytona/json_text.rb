# frozen_string_literal: true

require 'json'
require 'time'

module Daytona
  # Parameters as JSON, and JSON as values. Integers keep all their digits.
  module JsonText
    SURROGATE = /\\u[dD]/
    # An escape, or both of a pair; of a surrogate that has lost its other half where the group is there.
    ESCAPE = /\\(?:ud[89ab]\h\h\\ud[c-f]\h\h|(ud[89a-f]\h\h)|.)/i
    private_constant :SURROGATE, :ESCAPE

    class << self
      # The value of a text. UTF-8 has no lone surrogates: U+FFFD stands for one.
      def parse(text)
        text = text.gsub(ESCAPE) { |all| Regexp.last_match(1) ? '\ufffd' : all } if text.match?(SURROGATE)
        JSON.parse(text, max_nesting: false)
      rescue SystemStackError
        raise Errors.of_status(Tables::Status::PROTOCOL, 'The answer is nested too deeply.')
      end

      # The text of some parameters. What is no UTF-8 in a text becomes U+FFFD.
      def write(value)
        JSON.generate(value)
      rescue JSON::NestingError, SystemStackError
        raise Errors.invalid('The parameters are nested too deeply.')
      rescue JSON::GeneratorError, EncodingError
        begin
          JSON.generate(scrubbed(value))
        rescue JSON::GeneratorError => e
          raise Errors.invalid("The parameters are no JSON: #{e.message}")
        end
      end

      # A text in UTF-8, whatever its encoding says.
      def utf8(text)
        return text.scrub("\ufffd") if text.encoding == Encoding::UTF_8
        return text.dup.force_encoding(Encoding::UTF_8).scrub("\ufffd") if text.encoding == Encoding::BINARY

        text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace, replace: "\ufffd")
      end

      # The name of a keyword as the JSON has it.
      def camel(name) = name.to_s.gsub(/_([a-z0-9])/) { Regexp.last_match(1).upcase }

      # A hash whose keys are keywords or JSON names, without what is nil. `names`: keywords that have others.
      def options(hash, names = {})
        hash.compact.transform_keys { |key| names.fetch(key) { key.is_a?(Symbol) ? camel(key) : key } }
      end

      private

      def scrubbed(value)
        case value
        when String then utf8(value)
        when Symbol then utf8(value.to_s)
        when Array then value.map { |item| scrubbed(item) }
        when Hash then value.to_h { |key, item| [utf8(key.to_s), scrubbed(item)] }
        when Parameters then scrubbed(value.to_params)
        when Image, Record then scrubbed(value.to_h)
        else value
        end
      end
    end
  end
end

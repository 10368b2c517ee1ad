# frozen_string_literal: true

# MATCH, BYTES and BYTES-MATCH, as tests/conformance/README.md has them.

class Failed < StandardError; end

MISSING = Object.new.freeze

TYPES = {
  'string' => ->(it) { it.is_a?(String) },
  'number' => ->(it) { it.is_a?(Numeric) },
  'integer' => ->(it) { it.is_a?(Integer) || (it.is_a?(Float) && it == it.floor) },
  'boolean' => ->(it) { [true, false].include?(it) },
  'array' => ->(it) { it.is_a?(Array) },
  'object' => ->(it) { it.is_a?(Hash) },
  'null' => :nil?.to_proc
}.freeze

SPECIAL = {
  '$any' => ->(_, value) { !MISSING.equal?(value) },
  '$absent' => ->(_, value) { value.nil? || MISSING.equal?(value) },
  '$type' => ->(name, value) { TYPES.fetch(name).call(value) },
  '$regex' => ->(regex, value) { value.is_a?(String) && Regexp.new(regex).match?(value) },
  '$atLeast' => ->(least, value) { value.is_a?(Numeric) && value >= least },
  '$number' => ->(text, value) { value.is_a?(Numeric) && value == Integer(text) },
  '$utf16' => ->(units, value) { value == utf16(units) },
  '$count' => ->(count, value) { value.is_a?(Array) && value.size == count },
  '$includes' => lambda do |wanted, value|
    value.is_a?(Array) && wanted.all? { |it| value.any? { |has| matches?(it, has) } }
  end,
  '$oneOf' => ->(choices, value) { choices.any? { |it| matches?(it, value) } }
}.freeze

def utf16(units)
  units.pack('v*').force_encoding('UTF-16LE').encode('UTF-8', invalid: :replace, undef: :replace, replace: "\ufffd")
end

# The parameters with their special objects resolved.
def plain(value)
  case value
  when Array then value.map { |item| plain(item) }
  when Hash
    return Integer(value['$number']) if value.key?('$number')
    return utf16(value['$utf16']) if value.key?('$utf16')

    value.transform_values { |item| plain(item) }
  else value
  end
end

# What a JSON pointer leads to.
def pointed(value, pointer)
  pointer.split('/').drop(1).reduce(value) do |at, part|
    part = part.gsub('~1', '/').gsub('~0', '~')
    at.is_a?(Array) ? at[Integer(part)] : at[part]
  end
end

def bytes_of(spec)
  data = spec.key?('base64') ? Base64.decode64(spec['base64']) : spec['text'].b
  data * spec.fetch('times', 1)
end

def match_bytes(expected, data, where)
  data = data.b
  if expected.key?('contains')
    at = 0
    expected['contains'].each do |text|
      found = data.index(text.b, at) or raise Failed, "#{where}: no #{text.inspect} in #{data[at, 2000].inspect}"
      at = found + text.bytesize
    end
  elsif expected.key?('count')
    raise Failed, "#{where}: #{expected['count']} bytes expected, came #{data.size}" if data.size != expected['count']
  elsif data != bytes_of(expected)
    raise Failed, "#{where}: expected #{bytes_of(expected)[0, 2000].inspect}, came #{data[0, 2000].inspect}"
  end
end

# Raises Failed where the value does not match.
def match(expected, value, where)
  special = expected.is_a?(Hash) ? expected.keys.find { |key| key.start_with?('$') } : nil
  if special
    return if SPECIAL.fetch(special).call(expected[special], value)
  elsif expected.is_a?(Hash) && value.is_a?(Hash)
    return expected.each { |key, item| match(item, value.fetch(key, MISSING), "#{where}/#{key}") }
  elsif expected.is_a?(Array) && value.is_a?(Array) && expected.size == value.size
    return expected.each_with_index { |item, number| match(item, value[number], "#{where}/#{number}") }
  elsif expected == value
    return
  end
  came = MISSING.equal?(value) ? 'nothing' : value.inspect[0, 2000]
  raise Failed, "#{where}: expected #{expected.inspect[0, 2000]}, came #{came}"
end

def matches?(expected, value)
  match(expected, value, '')
  true
rescue Failed
  false
end

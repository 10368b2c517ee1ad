# frozen_string_literal: true

# The conformance cases (tests/conformance/README.md) through this gem's typed calls, against a server:
# `daytona-dev run -- ruby -Ilib test/conformance.rb [TEXT...]`.

require 'libdaytona'
require 'base64'
require 'fileutils'
require 'net/http'
require 'securerandom'
require 'timeout'
require 'tmpdir'
require_relative 'generated/methods'
require_relative 'matching'

ROOT = File.expand_path('../../..', __dir__)
CATALOGUE = JSON.parse(File.read("#{ROOT}/src/catalogue/operations.json", encoding: 'UTF-8'))
OPERATIONS = CATALOGUE['operations'].to_h { |it| [it['name'], it] }
CLASSES = CATALOGUE['classes'].to_h { |it| [it['name'], it['parent']] }
STEP_SECONDS = 120
AT_ONCE = 4

# What cannot be said in this language: a name, and why.
SKIPPED = {}.freeze

# Calls that give a part of the answer, as in the official gem, or the object that they acted on; the whole comes by
# name.
PARTS = %w[sandbox.delete sandbox.download_url sandbox.upload_url].freeze
# Calls that are written by hand.
MANUAL = {
  'echo.value' => ->(echo, params) { echo.value(params) },
  'echo.handle' => ->(echo, params) { echo.handle(params) },
  'sandbox.create' => ->(client, params) { client.create(params) },
  'snapshot.create' => ->(client, params) { client.snapshot.create(params) },
  'snapshot.activate' => ->(client, params) { client.snapshot.activate(params['id'], timeout_ms: params['timeoutMs']) },
  'volume.get' => ->(client, params) { client.volume.get(params['idOrName'], timeout_ms: params['timeoutMs']) }
}.freeze

def known(given, keys)
  unknown = given.keys - keys
  raise Failed, "unknown keys #{unknown}" unless unknown.empty?
end

# The arguments of a method, from parameters as the JSON has them.
def arguments(row, params, body)
  rest = params.dup
  seconds = ->(ms) { ms / 1000.0 }
  positional = row[:positional].filter_map do |name|
    next [rest.delete(name)] unless name == 'seconds'

    [seconds.call(rest.delete('timeoutMs'))] if rest.key?('timeoutMs')
  end
  positional << [body || ''] if row[:body]
  keywords = rest.to_h do |name, value|
    if name == 'timeoutMs' && row[:keywords].key?('seconds')
      [row[:keywords]['seconds'], seconds.call(value)]
    else
      [row[:keywords].fetch(name) { raise Failed, "#{row[:name]} has no #{name}" }, value]
    end
  end
  [positional.flatten(1), keywords]
end

def typed(target, operation, kind, params, body = nil)
  return MANUAL[operation].call(target, params) if kind == :call && MANUAL.key?(operation)

  row = METHODS.fetch(operation).fetch(kind)
  area = METHODS[operation][:area]
  positional, keywords = arguments(row, params, body)
  (area ? target.public_send(area) : target).public_send(row[:name], *positional, **keywords)
end

# Whether the target is of the class that has the operation's method.
def typed?(target, operation)
  { 'client' => Daytona::Daytona, 'sandbox' => Daytona::Sandbox, 'echo' => Daytona::Echo }
    .fetch(OPERATIONS[operation]['target']) === target && !PARTS.include?(operation)
end

def json_of(value)
  case value
  when Daytona::Record, Daytona::Sandbox then value.to_h
  when Array then value.map { |item| json_of(item) }
  else value
  end
end

def error_of(error)
  name = error.class.name.split('::').last.delete_suffix('Error')
  known = name.empty? ? nil : name
  raise Failed, "#{error.class} is no class of the catalogue: #{error.message}" unless known.nil? || CLASSES.key?(known)

  above = error.class.ancestors.drop(1).grep(Class).map { |it| it.name.split('::').last.delete_suffix('Error') }
  parent = above.find { |it| CLASSES.key?(it) }
  error.to_h.merge('class' => known, 'parent' => known && parent)
end

# A stream that is read as a case says.
class Reader
  attr_reader :output, :structured

  def initialize(stream)
    @stream = stream
    @output = Hash.new { |all, channel| all[channel] = String.new }
    @structured = []
    @text = String.new
    @found = 0
  end

  def more
    chunk = @stream.read or return false
    if chunk.channel == :structured
      @structured << chunk.value
    else
      @output[chunk.channel] << chunk.data
      @text << chunk.data
    end
    true
  end

  def until(wanted)
    until (at = @text.index(wanted.b, @found))
      raise Failed, "it ended without #{wanted.inspect} in #{@text.inspect}" unless more
    end
    @found = at + wanted.bytesize
  end
end

# One case while it runs: its objects and variables.
class Case
  def initialize(it, client)
    @it = it
    @objects = { 'client' => client }
    @opened = []
    url = ENV.fetch('DAYTONA_API_URL')
    @variables = { 'unique' => SecureRandom.hex, 'tmp' => Dir.mktmpdir('case-'), 'apiUrl' => url,
                   'apiHost' => "#{URI(url).host}:#{URI(url).port}" }
  end

  def run
    known(@it, %w[name on create faults dynamic steps])
    begin
      begin_case
      @it['steps'].each.with_index(1) do |step, number|
        Timeout.timeout(STEP_SECONDS, Failed, "it took more than #{STEP_SECONDS} s") { step(step) }
      rescue Failed, Daytona::Sdk::Error => e
        raise Failed, "step #{number}: #{e.class}: #{e.message} #{e.backtrace&.first(6)&.join(' ')}"
      end
    ensure
      end_case
    end
  end

  private

  def begin_case
    keep('echo', Daytona::Echo.new) if @it['on'] == 'echo'
    if @it['on'] == 'sandbox'
      save = { 'sandboxId' => '/id', 'sandboxName' => '/name' }
      step({ 'call' => 'sandbox.create', 'params' => @it['create'] || {}, 'as' => 'sandbox', 'save' => save })
    end
    faults(filled(@it['faults'])) if @it['faults']
  end

  def end_case
    faults([]) if @it['faults']
    if @variables['sandboxId']
      sandbox = @objects['client'].attach(@variables['sandboxId'])
      begin
        sandbox.delete
      rescue Daytona::Sdk::Error
        nil # The case may have deleted it.
      end
      sandbox.close
    end
    @opened.each(&:close)
    FileUtils.rm_r(@variables['tmp'])
  end

  def keep(name, object)
    @objects[name] = object
    @opened << object
  end

  def filled(value)
    case value
    when Array then value.map { |item| filled(item) }
    when Hash then value.to_h { |key, item| [filled(key), filled(item)] }
    when String
      whole = /\A\$\{(\w+)\}\z/.match(value)
      return @variables.fetch(whole[1]) if whole

      value.gsub(/\$\{(\w+)\}/) { (it = @variables.fetch(Regexp.last_match(1))).is_a?(String) ? it : JSON.generate(it) }
    else value
    end
  end

  def step(step)
    step = step.to_h { |key, item| [key, %w[do meanwhile expect].include?(key) ? item : filled(item)] }
    if step.key?('stream')
      known(step, %w[stream params with as save do expect])
      stream(step)
    elsif step.key?('call')
      known(step, %w[call params body with as save meanwhile cancel expect])
      call(step)
    else
      known(step, %w[close])
      @objects.fetch(step['close']).close
    end
  end

  def target(step, operation) = @objects.fetch(step['with'] || OPERATIONS[operation]['target'])

  def call(step)
    operation = step['call']
    params = plain(step['params'] || {})
    return settle(step) { [Daytona::Echo.new, nil] } if operation == 'echo.open'
    return settle(step) { [Daytona::Daytona.new(params), nil] } if operation == 'client.open'

    target = target(step, operation)
    body = step['body'] && bytes_of(step['body'])
    settle(step) do
      value = if step['meanwhile'] || step['cancel']
                pending = target.start_call(operation, params, body)
                (step['meanwhile'] || []).each { |other| step(other) }
                pending.cancel if step['cancel']
                pending.value
              elsif @it['dynamic'] || !typed?(target, operation)
                target.call(operation, params, body)
              else
                typed(target, operation, :call, params, body)
              end
      OPERATIONS[operation]['call']['returns'] == 'handle' ? [value, value.to_h] : [nil, json_of(value)]
    end
  end

  # Compares the outcome of a block, which gives an object to keep and the value.
  def settle(step)
    expected = filled(step['expect'] || {})
    known(expected, %w[result bytes error])
    begin
      kept, value = yield
    rescue Daytona::Sdk::Error => e
      raise e unless expected['error']

      return match(expected['error'], error_of(e), 'error')
    end
    if kept
      step['as'] ? keep(step['as'], kept) : kept.close
    end
    raise Failed, "no error came; expected #{expected['error']}" if expected['error']

    save(step, value)
    match_bytes(expected['bytes'], value, 'bytes') if expected['bytes']
    match(expected['result'], value, 'result') if expected.key?('result')
  end

  def save(step, value)
    (step['save'] || {}).each { |variable, pointer| @variables[variable] = pointed(value, pointer) }
  end

  def stream(step)
    operation = step['stream']
    expected = nil
    reader, opened, ended, closed, error = followed(step, operation)
    expected = filled(step['expect'] || {})
    known(expected, %w[opened stdout stderr none structured ended error])
    raise error if error && !expected['error']
    raise Failed, "no error came; expected #{expected['error']}" if expected['error'] && !error

    match(expected['error'], error_of(error), 'error') if error
    match(expected['opened'], opened, 'opened') if expected.key?('opened')
    { 'stdout' => :stdout, 'stderr' => :stderr, 'none' => :data }.each do |name, channel|
      match_bytes(expected[name], reader ? reader.output[channel] : '', name) if expected[name]
    end
    match(expected['structured'], reader.structured, 'structured') if expected['structured']
    return if closed || error

    if ended.is_a?(Daytona::Sandbox)
      step['as'] ? keep(step['as'], ended) : ended.close
    end
    value = json_of(ended)
    save(step, value)
    match(expected['ended'], value, 'ended') if expected['ended']
  end

  def followed(step, operation)
    target = target(step, operation)
    params = plain(step['params'] || {})
    is_dynamic = @it['dynamic'] || !typed?(target, operation)
    stream = is_dynamic ? target.open_stream(operation, params) : typed(target, operation, :stream, params)
    reader = Reader.new(stream)
    opened = json_of(stream.opened)
    inputs = Thread::Queue.new
    writer = writing(stream, inputs)
    closed = perform(step['do'] || [], stream, reader, inputs)
    return [reader, opened, nil, true, nil] if closed

    nil while reader.more
    inputs.close
    writer.value
    [reader, opened, stream.result, false, nil]
  rescue Daytona::Sdk::Error => e
    [reader, opened, nil, false, e]
  ensure
    stream&.close
    writer&.kill
  end

  # Does what a case says with an open stream; whether it was closed. What is written goes on while it is read.
  def perform(actions, stream, reader, inputs)
    actions.each do |action|
      if action.key?('write') || action.key?('finish')
        inputs << (action.key?('write') ? bytes_of(filled(action['write'])) : :finish)
      elsif action.key?('until') then reader.until(filled(action['until']))
      elsif action['close'] == 'stream'
        stream.close
        return true
      else step(action)
      end
    end
    false
  end

  def writing(stream, inputs)
    Thread.new do
      Thread.current.report_on_exception = false
      while (input = inputs.pop)
        input == :finish ? stream.finish : stream.write(input)
      end
    end
  end

  def faults(rules)
    uri = URI("#{ENV.fetch('DAYTONA_API_URL').delete_suffix('/api')}/faults")
    headers = { 'Authorization' => "Bearer #{ENV.fetch('DAYTONA_API_KEY')}", 'Content-Type' => 'application/json' }
    answer = Net::HTTP.post(uri, JSON.generate(rules), headers)
    raise "The server takes no faults: #{answer.body}" unless answer.is_a?(Net::HTTPSuccess)
  end
end

files = Dir["#{ROOT}/tests/conformance/*.json"]
cases = files.flat_map { |name| JSON.parse(File.read(name, encoding: 'UTF-8'))['cases'] }
names = cases.map { |it| it['name'] }
wrong = names.tally.select { |_, count| count > 1 }.keys + (SKIPPED.keys - names)
raise "names that are not those of one case: #{wrong}" unless wrong.empty?

chosen = cases.select { |it| ARGV.empty? || ARGV.any? { |text| it['name'].include?(text) } }
counts = { passed: 0, failed: 0, skipped: 0 }
client = Daytona::Daytona.new
lock = Mutex.new
$stdout.sync = true

prove = lambda do |it|
  outcome, line =
    if SKIPPED.key?(it['name'])
      [:skipped, "skipped #{it['name']}: #{SKIPPED[it['name']]}"]
    else
      begin
        Case.new(it, client).run
        [:passed, "ok #{it['name']}"]
      rescue StandardError => e
        where = e.is_a?(Failed) ? '' : " (#{e.class}) #{e.backtrace.first(8).join(' ')}"
        [:failed, "FAILED #{it['name']}: #{e.message}#{where}"]
      end
    end
  lock.synchronize do
    counts[outcome] += 1
    puts line
  end
end

apart, together = chosen.partition { |it| it['faults'] }
work = Thread::Queue.new
together.each { |it| work << it }
work.close
Array.new(AT_ONCE) { Thread.new { while (it = work.pop) do prove.call(it) end } }.each(&:join)
apart.each(&prove)
client.close
puts counts.map { |what, count| "#{count} #{what}" }.join(', ')
exit(counts[:failed].zero?)

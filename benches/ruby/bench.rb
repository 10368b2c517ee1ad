# frozen_string_literal: true

# The measures in Ruby: `bench.rb PORT MEASURE [ARGUMENT...]`.

require 'json'
require 'libdaytona'

MIB = 1 << 20
TRIPS = 3000

# What the process had used when a measure began.
class Measure
  def initialize
    @cpu = cpu
    @idle = memory('VmRSS')
    @at = now
  end

  # Prints what was used since, as every measured program does: a line of JSON.
  def report(units, trips = nil)
    wall = now - @at
    used = cpu - @cpu
    peak = memory('VmHWM')
    line = { cpuUs: used, wallUs: wall, units:, grownKib: peak - @idle, peakKib: peak }
    line[:p50Us] = trips.sort[trips.size / 2] if trips
    puts JSON.generate(line)
    $stdout.flush
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_microsecond)

  private

  def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :float_microsecond)

  # The process's memory in KiB: VmRSS now, VmHWM at most so far.
  def memory(which) = File.read('/proc/self/status')[/#{which}:\s*(\d+)/, 1].to_i
end

# Calls that are begun and awaited, the oldest first; some beforehand.
def in_flight(target, operation, params, width, calls, warm)
  run = lambda do |count|
    pending = []
    while count.positive? || !pending.empty?
      while count.positive? && pending.size < width
        pending << target.start_call(operation, params)
        count -= 1
      end
      pending.shift.value
    end
  end
  run.call(warm)
  measure = Measure.new
  run.call(calls)
  measure.report(calls)
end

def one_at_a_time(sandbox, calls, warm)
  warm.times { sandbox.process.exec(command: 'echo hello') }
  measure = Measure.new
  calls.times { sandbox.process.exec(command: 'echo hello') }
  measure.report(calls)
end

def echo(sandbox)
  terminal = sandbox.open_stream('pty.open', { id: 'echo' })
  measure = trips = nil
  (2 * TRIPS).times do |index|
    measure, trips = Measure.new, [] if index == TRIPS
    at = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_microsecond)
    terminal.write('x')
    terminal.read
    trips << (Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_microsecond) - at) if trips
  end
  measure.report(TRIPS, trips)
end

def follow(sandbox, size)
  measure = Measure.new
  bytes = 0
  sandbox.open_stream('session.follow', { id: 's', commandId: "log-#{size}" }).each { |chunk| bytes += chunk.data.bytesize }
  raise 'bytes are missing' unless bytes > size * MIB * 0.9

  measure.report(size)
end

port, name, *arguments = ARGV
numbers = arguments.map(&:to_i)
if name == 'echo-target'
  in_flight(Daytona::Echo.new, 'echo.value', { result: 'hello', exitCode: 0 }, *numbers)
  exit
end
began = Measure.new
daytona = Daytona::Daytona.new(api_key: 'bench', api_url: "http://127.0.0.1:#{port}/api")
sandbox = daytona.get('sandbox')
sandbox.process.exec(command: 'echo hello')
measure = Measure.new
size = -> { File.size(arguments[0]) / MIB }
case name
when 'first' then began.report(1)
when 'execute' then one_at_a_time(sandbox, *numbers)
when 'in-flight' then in_flight(sandbox, 'process.execute', { command: 'echo hello' }, *numbers)
when 'upload'
  sandbox.call('files.upload', { localPath: arguments[0], remotePath: '/tmp/upload' })
  measure.report(size.call)
when 'download'
  sandbox.call('files.download', { remotePath: '/tmp/download', localPath: arguments[0] })
  measure.report(size.call)
when 'read'
  raise 'bytes are missing' unless sandbox.call('files.read', { path: '/tmp/read' }).bytesize == 256 * MIB

  measure.report(256)
when 'list'
  raise 'sandboxes are missing' unless daytona.list({ limit: 200 }).count == 10_000

  measure.report(1)
when 'log' then follow(sandbox, *numbers)
when 'echo' then echo(sandbox)
else abort 'no such measure'
end

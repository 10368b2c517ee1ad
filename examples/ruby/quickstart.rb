# frozen_string_literal: true

# A tour of one sandbox: a command, a terminal, a large file there and back.
#
# It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo-ruby` starts a server on this machine;
# with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox is deleted at the end.

require 'digest'
require 'libdaytona'
require 'tmpdir'

FILE_MIB = 64
QUIET_SECONDS = 0.25
WAIT_SECONDS = 30

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

def since(start) = format('%.2f', now - start)

def create(daytona)
  start = now
  # Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
  sandbox = daytona.create({ language: 'python', ephemeral: true, auto_stop_interval: 5 })
  puts "  id         #{sandbox.id}", "  state      #{sandbox.state}", "  took       #{since(start)} s"
  sandbox
end

def run(sandbox)
  start = now
  steps = 'for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3'
  ended = sandbox.process.run(steps) do |chunk|
    chunk.text.each_line(chomp: true) { |line| puts "  #{since(start)} s  #{chunk.channel}  #{line}" }
  end
  puts "  exit code  #{ended.exit_code}"
  raise 'The command ends with `exit 3`, yet that is not what came back.' unless ended.exit_code == 3
end

# A terminal's output as lines, without its control sequences.
class Screen
  CONTROLS = /\e\[[\x20-\x3f]*[\x40-\x7e]|\e\][^\a\e]*(\a|\e\\)|\e.|[^[:print:]]/

  def initialize(terminal)
    @terminal = terminal
    @line = String.new
  end

  # Shows what comes until a line has the text; without one until it is quiet, as a person waits for the prompt.
  def watch(wanted = nil)
    until (chunk = @terminal.read(timeout: wanted ? WAIT_SECONDS : QUIET_SECONDS)).nil?
      return if show(chunk.data, wanted)
    end
    raise 'The terminal ended before it showed what was asked for.' if wanted
  rescue Daytona::Sdk::TimeoutError
    raise if wanted
  end

  def type(line)
    watch
    @terminal.write(line)
  end

  private

  # Prints the lines that are whole; whether one of them has the text.
  def show(data, wanted)
    @line << data
    seen = false
    while (line = @line.slice!(/\A[^\n]*\n/n))
      line = line.force_encoding('UTF-8').scrub.gsub(CONTROLS, '')
      puts "  | #{line}"
      seen ||= wanted && line.include?(wanted)
    end
    seen
  end
end

def terminal(sandbox)
  terminal = sandbox.pty.open('tour', cols: 120, rows: 40)
  screen = Screen.new(terminal)
  screen.type("stty size\n")
  screen.watch('40 120')
  sandbox.pty.resize('tour', 100, 30)
  screen.type("stty size\n")
  screen.watch('30 100')
  screen.type("exit 7\n")
  nil while terminal.read
  exit_code = terminal.result.exit_code
  puts "  exit code  #{exit_code}"
  raise 'The shell was left with `exit 7`, yet that is not what came back.' unless exit_code == 7
ensure
  terminal&.close # Kills the terminal where it is still there.
end

def transfer(label)
  start = now
  reports = 0
  yield ->(_progress) { reports += 1 }
  puts "  #{label.ljust(10)} #{FILE_MIB} MiB in #{since(start)} s, #{reports} reports of progress"
end

def files(sandbox)
  Dir.mktmpdir('daytona-tour-') do |directory|
    up = File.join(directory, 'up')
    down = File.join(directory, 'down')
    File.binwrite(up, Random.bytes(FILE_MIB << 20))
    transfer('up') { |report| sandbox.files.upload(up, 'tour.bin', &report) }
    transfer('down') { |report| sandbox.files.download('tour.bin', down, &report) }
    here = Digest::SHA256.file(up).hexdigest
    there = sandbox.process.execute('sha256sum tour.bin').result[0, 64]
    back = Digest::SHA256.file(down).hexdigest
    puts "  sha256     here   #{here}", "             there  #{there}", "             back   #{back}"
    raise 'The hashes differ: the file changed on its way.' unless [there, back].all?(here)
  end
end

def tour(sandbox)
  puts "\n2. A command, its stdout and stderr apart while it runs"
  run(sandbox)
  puts "\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`"
  terminal(sandbox)
  puts "\n4. A file of #{FILE_MIB} MiB up and down"
  files(sandbox)
end

$stdout.sync = true
puts "libdaytona #{Daytona.library_version}\n\n1. A sandbox"
begin
  daytona = Daytona::Daytona.new
  sandbox = create(daytona)
  begin
    tour(sandbox)
  ensure
    puts "\n5. The sandbox deleted"
    sandbox.delete(60, wait: true)
    puts '  it is gone, with everything that ran in it'
  end
rescue StandardError => e
  warn "\nfailed: #{e.class}: #{e.message}"
  puts "\nThe tour did not work out; the reason stands above."
  exit 1
ensure
  daytona&.close
end
puts "\nThat was one real sandbox."

# frozen_string_literal: true

require 'minitest/autorun'
require 'libdaytona'
require 'open3'
require 'rbconfig'
require 'socket'
require 'timeout'
require 'tmpdir'

# Clients of the tests are closed when their test is over.
class EchoTest < Minitest::Test
  LIB = File.expand_path('../lib', __dir__)

  def setup
    @echo = Daytona::Echo.new
  end

  def teardown
    @echo.close
  end

  # Runs a script in a Ruby of its own; what it printed and its exit code. One that does not end is killed, and fails.
  def script(text, env = {})
    whole = "require 'libdaytona'\necho = Daytona::Echo.new\n#{text}"
    out, err, status = Open3.capture3(env, 'timeout', '60', RbConfig.ruby, "-I#{LIB}", '-e', whole)
    [out, err, status.exitstatus]
  end

  def round(value) = @echo.value({ 'value' => value })['value']
end
